import type { Ending } from './store.js';

/** What a modern gateway writes down of a run, by how it ended. */
export interface Words {
  readonly status: 'ok' | 'error';
  readonly completionStatus: 'succeeded' | 'failed';
  readonly summary?: string;
  readonly error?: string;
  readonly errorReason?: string;
  readonly diagnostics?: object;
  /** Whether it is tried again by itself. */
  readonly transient: boolean;
}

export function modernWords(how: Ending): Words {
  switch (how.kind) {
    case 'ok':
      return { status: 'ok', completionStatus: 'succeeded', summary: how.summary, transient: false };
    case 'empty':
      return { status: 'ok', completionStatus: 'succeeded', summary: 'NO_REPLY', transient: false };
    case 'exit': {
      const message = 'command error with no output: "sh"';
      const diagnostics = { entries: [{ ts: 1, source: 'exec', severity: 'error', message, exitCode: how.code }] };
      return { ...failed(`command exited with code ${how.code}`), diagnostics };
    }
    case 'http':
      return how.status === 401
        ? { ...failed('401 Incorrect API key provided'), errorReason: 'auth' }
        : { ...failed('500 internal error'), errorReason: 'server_error', transient: true };
    case 'timeout':
      return { ...failed('cron: job execution timed out'), errorReason: 'timeout', transient: true };
    case 'no-key':
      return failed('No route-compatible authentication source is configured for openai.');
    case 'aborted':
      // It reads the reason, too.
      return { ...failed(how.reason), transient: /tim(?:ed out|eout)|network|socket|429|5\d\d/i.test(how.reason) };
  }
}

function failed(error: string): Words {
  const diagnostics = { summary: error, entries: [{ ts: 1, source: 'cron-setup', severity: 'error', message: error }] };
  return { status: 'error', completionStatus: 'failed', error, diagnostics, transient: false };
}
