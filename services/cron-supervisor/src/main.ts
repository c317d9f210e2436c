import { runService } from '@ops/shared/runtime';
import { cronSupervisor } from './wiring.js';

await runService(cronSupervisor);
