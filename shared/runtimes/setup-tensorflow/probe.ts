// Probe: loads tfjs-node in a process of its own and prints its label; the set-up's last word on success.

import { tfjsNode } from '../tfjs-node.ts';

const { label } = await tfjsNode.open();
process.stdout.write(label);
