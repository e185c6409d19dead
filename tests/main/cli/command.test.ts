import fc from 'fast-check';
import { expect, test } from 'vitest';
import { overview, parseArguments, verbHelp } from '../../../main/cli/command.ts';
import { editDistance, nearestName } from '../../../main/contract/nearest-name.ts';
import { optionReader, type Verb } from '../../../main/cli/verb.ts';
import { readMethodOptions, readOptionsByMethod, readPins } from '../../../main/cli/plan-options.ts';
import { verbs } from '../../../main/cli/verbs.ts';
import { methodNamed } from '../../../main/pruning/methods.ts';

const verb: Verb = {
  name: 'try',
  usage: 'MODEL... --task T...',
  summary: '',
  positionals: [1, 2],
  options: {
    task: { type: 'string', multiple: true, value: 'T', help: '' },
    factor: { type: 'string', value: 'X', help: '' },
    adaptive: { type: 'boolean', help: '' },
    referee: { type: 'string', value: 'N', bare: true, help: '' },
  },
  run: () => Promise.resolve(null),
};
const parse = (...args: string[]): ReturnType<typeof parseArguments> => parseArguments(verb, args);

test('an option that may be repeated takes every word up to the next option, once the arguments are there', () => {
  const expected = { positionals: ['m'], options: { task: ['a', 'b', 'c'], factor: '2' } };
  expect(parse('m', '--task', 'a', 'b', '--factor', '2', '--task=c')).toEqual(expected);
  expect(parse('m', '--task', 'a', '--task', 'b', '--task', 'c', '--factor', '2')).toEqual(expected);
  expect(parse('--task', 'a', 'm')).toEqual({ positionals: ['m'], options: { task: ['a'] } });
  expect(parse('m', '--adaptive', 'n')).toEqual({ positionals: ['m', 'n'], options: { adaptive: true } });
});

test('an option that may stand without its number leaves words to the verb', () => {
  for (const [args, positionals, referee] of [
    [['m', '--referee'], ['m'], true],
    [['--referee', 'm', 'n'], ['m', 'n'], true],
    [['m', '--referee', '--adaptive'], ['m'], true],
    [['--referee', '20', 'm'], ['m'], '20'],
    [['--referee=20', 'm'], ['m'], '20'],
  ] as const) {
    const parsed = parse(...args);
    expect(parsed).toMatchObject({ positionals, options: { referee } });
    const reader = optionReader(parsed);
    expect([reader.flag('referee'), reader.text('referee')]).toEqual(
      referee === true ? [true, undefined] : [false, '20'],
    );
  }
  expect(() => parse('m', '--referee', '--referee')).toThrow('--referee is given twice');
  expect(verbHelp(verb)).toContain('--referee [N]');
});

test.each([
  [['m', '--fator', '2'], 'has no option "--fator"', 'Did you mean "--factor"?'],
  [['m', '--jsno'], 'has no option "--jsno"', 'Did you mean "--json"?'],
  [['m', '-x'], 'has no option "-x"', 'Usage: uncurl try'],
  [['m', '--factor'], '--factor needs a value (X)', 'Usage'],
  [['m', '--factor', '1', '--factor', '2'], '--factor is given twice', 'Usage'],
  [['m', '--adaptive=yes'], '--adaptive takes no value', 'Usage'],
  [[], 'needs an argument', 'Usage: uncurl try MODEL... --task T...'],
  [['m', 'n', 'o'], '"o" is one argument too many', 'Usage'],
])('refuses %j', (args, message, remedy) => {
  expect(() => parse(...args)).toThrow(
    expect.objectContaining({
      kind: 'refused',
      message: expect.stringContaining(message),
      remedy: expect.stringContaining(remedy),
    }),
  );
});

test('the edit distance is symmetric and counts edits, and the nearest name is one that was meant', () => {
  const word = fc.string({ maxLength: 8 });
  fc.assert(
    fc.property(word, word, fc.nat(8), (a, b, index) => {
      expect(editDistance(a, b)).toBe(editDistance(b, a));
      expect(editDistance(a, a)).toBe(0);
      expect(editDistance(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length));
      expect(editDistance(a, a.slice(0, index) + a.slice(index + 1))).toBe(index < a.length ? 1 : 0);
    }),
  );
  expect([editDistance('kitten', 'sitting'), editDistance('', 'abc'), editDistance('form', 'from')]).toEqual([3, 3, 1]);
  const names = Object.keys(verbs);
  expect(['swep', 'verfy', 'exprt', 'figure', 'prof'].map((typed) => nearestName(typed, names))).toEqual([
    'sweep',
    'verify',
    'export',
    'figures',
    'profile',
  ]);
  expect(nearestName('quux', names)).toBeNull();
  // Both are one edit away.
  expect(nearestName('rep', ['eep', 'reap'])).toBe('reap');
});

test('values are parsed by type, and refusals name option and value', () => {
  const read = (options: Readonly<Record<string, unknown>>): ReturnType<typeof optionReader> =>
    optionReader({ positionals: [], options });
  expect(read({ factors: ['1,2', '4'] }).reals('factors', 1)).toEqual([1, 2, 4]);
  expect(() => read({ factors: ['1,zwei'] }).reals('factors', 1)).toThrow('--factors "zwei"');
  expect(() => read({ factors: ['0.5'] }).reals('factors', 1)).toThrow('at least 1');
  expect(() => read({ keep: '2.5' }).whole('keep', 1)).toThrow('--keep "2.5" is not a whole number');
  expect(() => read({ delta: '0.9' }).real('delta', 0, 0.5)).toThrow('from 0 to 0.5');
  expect(() => read({ method: ['reep'] }).choices('method', ['reap', 'random'])).toThrow(
    expect.objectContaining({ remedy: 'Did you mean "reap"?' }),
  );
  expect(readPins(read({ pin: ['0:3', '1:2'], drop: ['2:0'] }))).toEqual([
    { layer: 0, expert: 3, keep: true },
    { layer: 1, expert: 2, keep: true },
    { layer: 2, expert: 0, keep: false },
  ]);
  expect(() => readPins(read({ pin: ['3'] }))).toThrow('LAYER:EXPERT');
});

test('every method, uncurl among them, takes its options by --option alone', async () => {
  const read = (...option: readonly string[]): ReturnType<typeof optionReader> =>
    optionReader({ positionals: [], options: { option } });
  const chosen = { router: 'mean-row', align: false };
  expect(readMethodOptions(read('router=mean-row', 'align=false'), 'uncurl')).toEqual(chosen);
  expect(
    readOptionsByMethod(read('uncurl.router=mean-row', 'uncurl.align=false', 'ean.form=mean'), ['uncurl', 'ean']),
  ).toMatchObject({ uncurl: chosen });
  expect(methodNamed('uncurl').prepare(chosen).options).toMatchObject({
    affinity: 'cosine',
    reference: 'most-active',
    weights: 'activation',
    ...chosen,
  });
  expect(() => readMethodOptions(read('affinity=cosin'), 'uncurl')).toThrow(
    expect.objectContaining({ remedy: 'Did you mean "cosine"?' }),
  );
  expect(() => readMethodOptions(read('align=maybe'), 'uncurl')).toThrow('"maybe" is not true or false');
  for (const name of ['plan', 'sweep']) {
    const loaded = await verbs[name]?.();
    expect(Object.keys(loaded?.options ?? {})).not.toEqual(expect.arrayContaining(['affinity']));
  }
});

test('values that commander would interpret are read as typed', () => {
  expect(parse('m', '--', '--factor')).toEqual({ positionals: ['m', '--factor'], options: {} });
  expect(parse('-', '--factor=-1')).toEqual({ positionals: ['-'], options: { factor: '-1' } });
  expect(() => parse('m', '--factor=')).toThrow('--factor needs a value (X)');
  expect(() => parse('m', '--task', '')).toThrow('--task needs a value (T)');
  expect(parse('--help')).toEqual({ positionals: [], options: { help: true } });
  expect(parse('-h', '--json')).toEqual({ positionals: [], options: { help: true, json: true } });
  const negative: Verb = {
    ...verb,
    options: { 'no-chat': { type: 'boolean', help: '' }, 'two-words': { type: 'string', help: '' } },
  };
  expect(parseArguments(negative, ['m']).options).toEqual({});
  expect(parseArguments(negative, ['m', '--no-chat', '--two-words', 'x']).options).toEqual({
    'no-chat': true,
    'two-words': 'x',
  });
  for (const inherited of ['--constructor', '--toString', '--__proto__'])
    expect(() => parse('m', inherited)).toThrow(`has no option "${inherited}"`);
});

test('options in any order and spelling give the same arguments', () => {
  const word = fc.stringMatching(/^[a-z0-9,.:=]{1,8}$/);
  fc.assert(
    fc.property(
      word,
      fc.array(word, { minLength: 1, maxLength: 4 }),
      word,
      fc.boolean(),
      (model, tasks, factor, joined) => {
        const spelled = joined ? tasks.map((task) => `--task=${task}`) : tasks.flatMap((task) => ['--task', task]);
        const expected = { positionals: [model], options: { task: tasks, factor } };
        expect(parse(model, ...spelled, '--factor', factor)).toEqual(expected);
        expect(parse('--factor', factor, model, '--task', ...tasks)).toEqual(expected);
        expect(parse(...spelled, model, `--factor=${factor}`)).toEqual(expected);
      },
    ),
  );
});

test('help names every option with its value and wraps at the width of the terminal', async () => {
  const narrow = verbHelp(verb, 40);
  expect(narrow).toContain('Usage: uncurl try MODEL... --task T...');
  for (const term of ['--task T', '--factor X', '--adaptive', '--json', '-h, --help']) expect(narrow).toContain(term);
  const all = await Promise.all(Object.values(verbs).map((load) => load()));
  const groups = [{ title: 'All', verbs: all }];
  const lines = [overview(groups, 60), ...all.map((one) => verbHelp(one, 60))].flatMap((text) => text.split('\n'));
  // Usage lines, terms and long words are never broken; sentences are.
  expect(lines.filter((line) => line.length > 60 && /^ {20,}\S+ /.test(line))).toEqual([]);
  for (const { name } of all) expect(overview(groups, 60)).toContain(`  ${name} `);
});

test('every verb has its own name, and its usage names only options that it has', async () => {
  for (const [name, load] of Object.entries(verbs)) {
    const loaded = await load();
    expect(loaded.name).toBe(name);
    const named = [...loaded.usage.matchAll(/--([a-z-]+)/g)].map(([, option = '']) => option);
    expect(Object.keys(loaded.options)).toEqual(expect.arrayContaining(named));
  }
});

test('verbs that compute with PyTorch, and what the others say to --engine', async () => {
  const loaded = await Promise.all(Object.values(verbs).map((load) => load()));
  const takes = loaded.filter(({ options }) => 'engine' in options).map(({ name }) => name);
  expect(takes).toEqual([
    ...['forward', 'baseline', 'score', 'generate', 'beside', 'profile', 'damage', 'sweep', 'export', 'experiment'],
    ...['verify', 'reproduce'],
  ]);
  const others = loaded.filter(({ engine }) => engine !== undefined);
  expect(others.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['plan', 'recover', 'finetune', 'resume', 'work', 'serve']),
  );
  for (const other of others) {
    const args = [...Array.from({ length: other.positionals[0] }, () => 'm'), '--engine', 'torch'];
    expect(() => parseArguments(other, args)).toThrow(
      expect.objectContaining({ message: `uncurl ${other.name} has no --engine.`, remedy: other.engine }),
    );
  }
  // The rest reads runs, tasks and files, and runs no model.
  const rest = loaded.filter(({ options, engine }) => !('engine' in options) && engine === undefined);
  expect(rest.map(({ name }) => name)).toEqual([
    ...[
      'info',
      'models',
      'download',
      'push',
      'import',
      'compare',
      'frontier',
      'outcomes',
      'figures',
      'report',
      'runs',
      'steps',
      'submit',
      'sample',
      'doctor',
    ],
    'methods',
  ]);
});
