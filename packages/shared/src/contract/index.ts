export { describeTransport } from './describe-transport.js';
export type {
  Answer,
  ContractHandler,
  Delivered,
  Faults,
  JoinOptions,
  Letter,
  Member,
  Transport,
  TransportUnderTest,
} from './transport.js';
