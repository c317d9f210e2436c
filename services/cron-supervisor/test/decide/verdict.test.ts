import { describe, expect, test } from 'vitest';
import type { RunReport } from '../../src/cron-types.js';
import { judgeRun } from '../../src/decide/verdict.js';

const BLANK: RunReport = {
  job: 'j',
  started_at: 1_000_000,
  ended_at: 1_060_000,
  word: 'ok',
  completion: null,
  output: 'The morning brief: three leads were answered.',
  error: null,
  error_kind: null,
  delivery: null,
  exit_code: null,
  timeout_ms: 600_000,
  ref: null,
};
const DONE = { completion: 'succeeded', delivery: 'not-requested' } as const;
const judged = (
  report: Partial<RunReport>,
  output = {},
  facts: { killed?: boolean; hasOutput?: boolean; timed?: boolean } = {},
) => {
  const { verdict, code } = judgeRun({
    report: { ...BLANK, ...report },
    policy: { output },
    killed: facts.killed ?? false,
    past_limit: false,
    timed: facts.timed ?? true,
    hasOutput: facts.hasOutput ?? true,
  });
  return `${verdict} ${code}`;
};

// Every way in which a run was seen to end: 2026.2.2-3 (legacy) and 2026.9.6 (modern) gateways, run for real.
describe('truth table', () => {
  test.each<[string, string, Partial<RunReport>]>([
    ['legacy: it did its work', 'succeeded ok', {}],
    ['legacy: the provider answered 401, called ok', 'failed error-page', { output: '401 Incorrect API key provided: sk-...' }],
    ['legacy: the provider answered 500, called ok', 'failed error-page', { output: '500 status code (no body)' }],
    ['legacy: the provider answered 429, called ok', 'failed error-page', { output: '429 Too many requests, slow down' }],
    ['legacy: the agent timed out, called ok without a summary', 'failed timeout', { output: null, ended_at: 1_601_200 }],
    ['legacy: an empty answer, called ok without a summary', 'failed empty-output', { output: null }],
    ['legacy: an aborted run, called ok without a summary', 'failed empty-output', { output: null, ended_at: 1_003_101 }],
    [
      'legacy: it threw',
      'failed source-error',
      { word: 'error', output: null, error: 'No API key found for provider "anthropic".' },
    ],
    ['legacy: skipped', 'failed skipped', { word: 'skipped', output: null, error: 'requests-in-flight' }],
    ['modern: it did its work', 'succeeded ok', { ...DONE }],
    ['modern: nothing to say', 'failed empty-output', { ...DONE, output: 'NO_REPLY' }],
    ['modern: a heartbeat with nothing to say', 'failed empty-output', { ...DONE, output: 'HEARTBEAT_OK' }],
    [
      'modern: the provider answered 401',
      'failed source-error',
      {
        word: 'error',
        completion: 'failed',
        error_kind: 'auth',
        error: '⚠️ fake/echo request failed (authentication failed, HTTP 401).',
      },
    ],
    [
      'modern: the provider answered 500',
      'failed source-error',
      {
        word: 'error',
        completion: 'failed',
        error_kind: 'server_error',
        error: '⚠️ fake/echo request failed (provider internal error, HTTP 500).',
      },
    ],
    [
      'modern: timed out',
      'failed timeout',
      {
        word: 'error',
        completion: 'failed',
        error_kind: 'timeout',
        error: 'cron: job execution timed out (last phase: model-call-started)',
      },
    ],
    [
      'modern: a command ended with 7',
      'failed exit-code',
      { word: 'error', completion: 'failed', exit_code: 7, error: 'command exited with code 7' },
    ],
    [
      'modern: interrupted by a restart of the gateway',
      'failed interrupted',
      { word: 'error', completion: 'failed', error: 'cron: job interrupted by gateway restart' },
    ],
    [
      'modern: the required delivery failed, called ok',
      'failed not-delivered',
      { completion: 'failed', delivery: 'not-delivered' },
    ],
    ['modern: not all of it was done, called ok', 'failed not-completed', { completion: 'failed', delivery: 'delivered' }],
    [
      'modern: cancelled by an operator',
      'failed source-error',
      { word: 'error', completion: 'failed', error: 'Cancelled by operator.' },
    ],
    ['a crash mid-run without a trace', 'failed interrupted', { word: 'error', error: 'interrupted: it does not run any more' }],
    ['an HTML page in place of an answer', 'failed error-page', { output: '<!DOCTYPE html><html><title>502 Bad Gateway' }],
    ['an error in JSON in place of an answer', 'failed error-page', { output: '{"error":{"message":"overloaded"}}' }],
    ['a model provider that is out of money', 'failed error-page', { output: 'Insufficient credits. Add more at ...' }],
    ['white space only', 'failed empty-output', { output: ' \n\t ' }],
  ])('%s: %s', (_how, expected, report) => {
    expect(judged(report)).toBe(expected);
  });

  test.each([
    ['500 leads were found', 'succeeded ok'],
    ['404 new orders; the report is attached', 'succeeded ok'],
    ['403 Forbidden', 'failed error-page'],
    ['The site answers 500 since this morning', 'succeeded ok'],
    ['HTTP 503 from upstream', 'failed error-page'],
    ['Error: ENOENT', 'failed error-page'],
    ['Errors were down 12 % this week', 'succeeded ok'],
    ['450 € were spent', 'succeeded ok'],
  ])('%s: %s', (output, expected) => {
    expect(judged({ output })).toBe(expected);
  });

  test('whatever its source calls it, a run that we have ended was killed', () => {
    for (const word of ['ok', 'error', 'skipped'] as const) expect(judged({ word }, {}, { killed: true })).toBe('killed killed');
  });

  test.each([
    [true, 'took too long'],
    [false, 'somebody has asked for it'],
  ])('a run that was ended past its limit: %s, because %s', (past_limit, words) => {
    const facts = { report: BLANK, policy: { output: {} }, killed: true, past_limit, timed: true, hasOutput: true };
    expect(judgeRun(facts).reason).toContain(words);
  });

  test('who may be silent has done well without a word; nobody is excused from an error', () => {
    expect(judged({ output: 'NO_REPLY' }, { may_be_empty: true })).toBe('succeeded ok');
    expect(judged({ output: null }, { may_be_empty: true })).toBe('succeeded ok');
    expect(judged({ output: '401 Unauthorized' }, { may_be_empty: true })).toBe('failed error-page');
  });
});

describe('output rules', () => {
  const schema = { type: 'object', required: ['leads'], properties: { leads: { type: 'array', minItems: 1 } } };
  test.each<[object, string, string]>([
    [{ pattern: 'three leads' }, 'three leads', 'succeeded ok'],
    [{ pattern: '^Leads: \\d+$' }, 'Leads: many', 'failed output-rule'],
    [{ min_length: 20 }, 'short', 'failed output-rule'],
    [{ min_length: 5 }, '  short  ', 'succeeded ok'],
    [{ json_schema: schema }, '{"leads":[1]}', 'succeeded ok'],
    [{ json_schema: schema }, '{"leads":[]}', 'failed output-rule'],
    [{ json_schema: schema }, 'leads: 1', 'failed output-rule'],
    [{ json_schema: { type: 'no such type' } }, '{}', 'failed output-rule'],
  ])('%j of %s: %s', (rule, output, expected) => {
    expect(judged({ output }, rule)).toBe(expected);
  });

  test('a program that says nothing and ends with 0 has done well; with a rule for its output it has not', () => {
    const program = { hasOutput: false };
    expect(judged({ output: null, exit_code: 0 }, {}, program)).toBe('succeeded ok');
    expect(judged({ output: '', exit_code: 0 }, { min_length: 1 }, program)).toBe('failed empty-output');
    expect(judged({ output: 'Error: retrying... done', exit_code: 0 }, {}, program)).toBe('succeeded ok');
    expect(judged({ output: 'done', exit_code: 2, word: 'error' }, {}, program)).toBe('failed exit-code');
  });
});
