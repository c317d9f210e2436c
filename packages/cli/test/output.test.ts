import { expect, test } from 'vitest';
import { printable } from '../src/output.js';

test('a name of others passes no control sequence on to the terminal, and keeps what can be read', () => {
  expect(printable('evil\u001b[2J\u0007\r\n\u009b1m (7) größer')).toBe('evil?[2J????1m (7) größer');
});
