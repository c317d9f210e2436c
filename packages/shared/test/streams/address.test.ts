import { describe, expect, it } from 'vitest';
import { readEnvironment } from '../../src/runtime/env.js';
import { passwordsOf, redactor } from '../../src/secrets/index.js';
import { AddressError, parseRedisAddress, shownAddress } from '../../src/streams/index.js';

const nobody = { username: undefined, password: undefined, tls: false };

describe('an address of Redis', () => {
  it.each([
    ['redis://h', { kind: 'single', ...nobody, host: 'h', port: 6379, db: 0 }],
    ['redis://h:7/', { kind: 'single', ...nobody, host: 'h', port: 7, db: 0 }],
    ['rediss://u:p@h:7/3', { kind: 'single', username: 'u', password: 'p', tls: true, host: 'h', port: 7, db: 3 }],
    ['redis://:p%40%2F@[::1]:7', { kind: 'single', ...nobody, password: 'p@/', host: '::1', port: 7, db: 0 }],
    // A bare % stands for itself, and a password may hold what separates elsewhere.
    ['redis://u:100%:@,x@h', { kind: 'single', ...nobody, username: 'u', password: '100%:@,x', host: 'h', port: 6379, db: 0 }],
    [
      'redis+sentinel://a,b:27/main',
      {
        kind: 'sentinel',
        ...nobody,
        sentinels: [
          { host: 'a', port: 26_379 },
          { host: 'b', port: 27 },
        ],
        master: 'main',
        db: 0,
        sentinelUsername: undefined,
        sentinelPassword: undefined,
      },
    ],
    [
      'rediss+sentinel://u:p@[fe80::1]:1/main/2?sentinel_password=s%26&sentinel_username=w',
      {
        kind: 'sentinel',
        username: 'u',
        password: 'p',
        tls: true,
        sentinels: [{ host: 'fe80::1', port: 1 }],
        master: 'main',
        db: 2,
        sentinelUsername: 'w',
        sentinelPassword: 's&',
      },
    ],
    [
      'redis+cluster://u:p@a:7000,b:7001',
      {
        kind: 'cluster',
        username: 'u',
        password: 'p',
        tls: false,
        nodes: [
          { host: 'a', port: 7000 },
          { host: 'b', port: 7001 },
        ],
      },
    ],
    ['rediss+cluster://a/0', { kind: 'cluster', ...nobody, tls: true, nodes: [{ host: 'a', port: 6379 }] }],
  ])('%s is read', (text, expected) => {
    expect(parseRedisAddress(text)).toEqual(expected);
  });

  it.each([
    ['', 'redis[s]://'],
    ['http://h', 'redis[s]://'],
    ['redis:h', 'redis[s]://'],
    ['redis+magic://h', 'redis[s]://'],
    ['redis://', 'redis[s]://'],
    ['redis://u@h', 'a password after the user'],
    ['redis://u:@h', 'a password after the user'],
    ['redis://h:0', 'host or host:port'],
    ['redis://h:99999', 'host or host:port'],
    ['redis://h:x', 'host or host:port'],
    ['redis://::1', 'host or host:port'],
    ['redis://a,b', 'one host'],
    ['redis://h/one', 'a database number'],
    ['redis://h/1/2', 'no more than a database number'],
    ['redis://h?db=1', 'nothing after a ?'],
    ['redis+sentinel://a,b', 'the name of the master'],
    ['redis+sentinel://a,,b/main', 'host or host:port'],
    ['redis+sentinel://a/main/x', 'a database number'],
    ['redis+sentinel://a/main?password=x', 'only sentinel_username and sentinel_password'],
    ['redis+cluster://a,b/1', 'a Cluster has only 0'],
  ])('%s is refused: expected %s', (text, expected) => {
    const refusal = (): unknown => parseRedisAddress(text);
    expect(refusal).toThrow(AddressError);
    expect(refusal).toThrow(expected);
  });

  it('an address is shown, and refused, without its passwords', () => {
    const text = 'redis+sentinel://u:HUSH-HUSH@a:1,b:2/main?sentinel_password=WHISPER-1';
    expect(shownAddress(text)).toBe('a:1,b:2');
    expect(() => parseRedisAddress(`${text}&x=1`)).not.toThrow(/HUSH|WHISPER/);
  });
});

describe('the passwords of an address', () => {
  it.each([
    ['redis://h', []],
    ['redis://u:p%40q@h/0', ['p@q']],
    ['postgresql://ops:secret@h:1/ops', ['secret']],
    ['redis+sentinel://u:one@a:1,b:2/main/0?sentinel_password=two', ['one', 'two']],
    ['rediss+cluster://:one@a:1,b:2', ['one']],
    ['not a url', []],
  ])('of %s are %j', (url, passwords) => {
    expect(passwordsOf(url)).toEqual(passwords);
  });

  it('of REDIS_URL are known to the redactor, also where the address is refused', () => {
    readEnvironment({ REDIS_URL: 'redis+sentinel://u:Pa55-one@a,b/main?sentinel_password=Pa55-two' });
    expect(redactor.text('Pa55-one Pa55-two')).toBe('[redacted] [redacted]');
    const refused = () => readEnvironment({ REDIS_URL: 'redis+sentinel://u:Pa55-three@a,b' });
    expect(refused).toThrow(/REDIS_URL: .*expected the name of the master/);
    expect(refused).not.toThrow(/Pa55-three/);
    expect(redactor.text('Pa55-three')).toBe('[redacted]');
  });
});
