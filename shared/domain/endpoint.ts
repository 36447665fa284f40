// Endpoint: a served model name and its settings, as users write them on `millrace.endpoints`.

import { z } from 'zod';
import { DELIVERIES } from './route-plan.ts';
import { signatureSchema } from './tensor.ts';
import { ENDPOINT_NAME, PARTITIONS_MAX } from './topics.ts';

export const endpointNameSchema = z
  .string()
  .regex(ENDPOINT_NAME, 'a name is 1 to 63 of a-z, 0-9 and -, begins with a letter, and is not "millrace"');

export const endpointSchema = z.strictObject({
  endpoint: endpointNameSchema,
  /** Partitions of every topic of the endpoint. */
  partitions: z.int().min(1).max(PARTITIONS_MAX).default(4),
  /** How answers are committed. */
  delivery: z.enum(DELIVERIES).default('exactly-once'),
  /** `lanes`: every version has its own topic and group. The other road of the design, `inline`, is not built. */
  road: z.literal('lanes').default('lanes'),
  /** `per-key`: per lane. `strict` needs the inline road and is refused by name. */
  ordering: z.literal('per-key').default('per-key'),
  /** What every version must take and give; when absent, the first version's signature becomes it. */
  signature: signatureSchema.optional(),
});
export type Endpoint = Readonly<z.infer<typeof endpointSchema>>;
