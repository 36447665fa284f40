// Settings of the controller: the common ones.

import { COMMON_RELATIONS, COMMON_ROWS } from '../../shared/config/common.ts';
import { defineConfig } from '../../shared/config/load.ts';

export const controllerConfig = defineConfig({ service: 'controller', rows: COMMON_ROWS, relations: COMMON_RELATIONS });
