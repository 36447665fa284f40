// Settings of the shadow: the common ones.

import { COMMON_RELATIONS, COMMON_ROWS } from '../../shared/config/common.ts';
import { defineConfig } from '../../shared/config/load.ts';

export const shadowConfig = defineConfig({ service: 'shadow', rows: COMMON_ROWS, relations: COMMON_RELATIONS });
