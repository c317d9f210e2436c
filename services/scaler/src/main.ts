import { runService } from '@ops/shared/runtime';
import { scaler } from './wiring.js';

await runService(scaler);
