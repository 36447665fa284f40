// Registry: every kind of fault by its name.

import type { Apply } from './fault.ts';
import { NETWORK_FAULTS } from './network-faults.ts';
import { PROCESS_FAULTS } from './process-faults.ts';

export const FAULTS: Readonly<Record<string, Apply>> = { ...PROCESS_FAULTS, ...NETWORK_FAULTS };
