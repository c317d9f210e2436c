import { runService } from '@ops/shared/runtime';
import { deployer } from './wiring.js';

await runService(deployer);
