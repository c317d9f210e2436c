import { readAccount } from './account.mjs';
import { readEffects } from './effects.mjs';

const PAGE = 5000;

/** Collects everything that a run has left behind, for `examine`. */
export async function collect({ redis, postgres, groups, stream, answers, folders }) {
  const accounts = folders.map(readAccount);
  const { effects, runs } = await readEffects(postgres);
  return {
    groups,
    accepted: accounts.flatMap(({ accepted }) => accepted),
    called: accounts.flatMap(({ called }) => called),
    entries: await entriesOf(redis, stream),
    outputs: await entriesOf(redis, answers),
    effects,
    runs,
    deadLetters: await deadLettersOf(redis, stream),
    unread: await unreadOf(redis, stream, groups),
  };
}

async function entriesOf(redis, stream) {
  const found = [];
  for (let from = '-'; ; ) {
    const page = await redis.xrange(stream, from, '+', 'COUNT', PAGE);
    for (const [entry, [, text]] of page) {
      const { source, id, subject, causationid, data } = JSON.parse(text);
      found.push({ entry, source, id, subject, cause: causationid, seq: data.current_value });
    }
    if (page.length < PAGE) return found;
    from = `(${page.at(-1)[0]}`;
  }
}

async function deadLettersOf(redis, stream) {
  const letters = await redis.xrange(`ops:dead:{${stream}}`, '-', '+');
  return letters.map(([, fields]) => {
    const of = (name) => fields[fields.indexOf(name) + 1];
    return { code: `${of('code')}: ${of('reasons')}`, group: of('group'), count: 1 };
  });
}

async function unreadOf(redis, stream, groups) {
  const fields = await redis.hgetall(`ops:unread:{${stream}}`);
  return groups.filter((group) => fields[group] !== undefined).map((group) => ({ group, count: Number(fields[group]) }));
}
