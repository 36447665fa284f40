// Settings of the router: the common ones.

import { COMMON_RELATIONS, COMMON_ROWS } from '../../shared/config/common.ts';
import { defineConfig } from '../../shared/config/load.ts';

export const routerConfig = defineConfig({ service: 'router', rows: COMMON_ROWS, relations: COMMON_RELATIONS });
