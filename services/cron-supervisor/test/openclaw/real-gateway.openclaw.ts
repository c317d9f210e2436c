import { describeOpenClaw } from './contract/describe-openclaw.js';
import { RealGateway } from './real/real-gateway.js';

// `npm run test:openclaw`: the contract, against OpenClaw itself.
const installed = process.env.OPS_TEST_OPENCLAW;
if (installed === undefined) throw new Error('OPS_TEST_OPENCLAW: missing: expected the folder of an installed gateway');

describeOpenClaw('OpenClaw 2026.9.6', () => RealGateway.start(installed), 20_000);
