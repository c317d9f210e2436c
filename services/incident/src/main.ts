import { runService } from '@ops/shared/runtime';
import { incident } from './wiring.js';

await runService(incident);
