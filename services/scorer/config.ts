// Settings of the scorer: the common ones.

import { COMMON_RELATIONS, COMMON_ROWS } from '../../shared/config/common.ts';
import { defineConfig } from '../../shared/config/load.ts';

export const scorerConfig = defineConfig({ service: 'scorer', rows: COMMON_ROWS, relations: COMMON_RELATIONS });
