import { readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { families } from '../../main/checkpoint/families/families.ts';
import { parseArguments } from '../../main/cli/command.ts';
import { optionReader, readSettings, type Verb, type VerbArguments } from '../../main/cli/verb.ts';
import { verbs } from '../../main/cli/verbs.ts';
import { clusterRequest } from '../../main/contract/cluster.ts';
import { WorkbenchError } from '../../main/contract/errors.ts';
import { describedEngineSettings } from '../../main/contract/device.ts';
import { ggufTypes } from '../../main/contract/export.ts';
import { describedExperimentSettings } from '../../main/contract/experiment.ts';
import { finetuneSettings } from '../../main/contract/finetune.ts';
import { describedFitSettings, MOST_CANARIES } from '../../main/contract/fit.ts';
import { describedPlanSettings } from '../../main/contract/plan.ts';
import { describedSweepSettings } from '../../main/contract/sweep.ts';
import { canaryProbes } from '../../main/evaluation/canary-probes.ts';
import { FEWEST_PROBES } from '../../main/evaluation/canaries.ts';
import { nothingToLose } from '../../main/evaluation/nothing-to-lose.ts';
import { itemsNeeded } from '../../main/evaluation/verdicts.ts';
import { FORECAST_CUT, forecastRecord } from '../../main/evaluation/written-forecast.ts';
import { methodNames } from '../../main/pruning/methods.ts';
import { docTopics } from '../../main/words/doc-topics.ts';
import { listed } from '../../main/words/numbers.ts';
import { projectFiles, root } from './project-files.ts';

/** What documents and messages name must exist: commands, options, files, headings, keys, texts of the window. */

const files = projectFiles();
const known = new Set(files);
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');
const documents = files.filter(
  (file) => file.endsWith('.md') && !/^(?:tests\/fixtures|resources\/licences)\//.test(file),
);
const pages = documents.filter((file) => file.startsWith('resources/docs/'));
const sources = files
  .filter((file) => /^(?:main|renderer|electron)\/.*\.tsx?$/.test(file))
  .map((file) => [file, read(file)] as const);
const program = sources
  .map(([, text]) => text)
  .join('\n')
  .replaceAll('’', "'");

const BLOCK = /^```.*\n([\s\S]*?)^```/gm;
const withoutBlocks = (text: string): string => text.replaceAll(BLOCK, '');

/** A line of a code block, which must be whole, or code within a sentence, which may leave arguments out. */
interface Code {
  readonly text: string;
  readonly isWhole: boolean;
}

const codeOf = (text: string): readonly Code[] => [
  ...[...text.matchAll(BLOCK)].flatMap(([, block = '']) =>
    block
      .replaceAll(/\\\n\s*/g, ' ')
      .split('\n')
      .map((line) => ({ text: line.trim(), isWhole: true })),
  ),
  ...[...withoutBlocks(text).matchAll(/`([^`]+)`/g)].map(([, code = '']) => ({
    text: code.replaceAll('\n', ' '),
    isWhole: false,
  })),
];

const wordsOf = (line: string): readonly string[] =>
  [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, one, other, bare]) => one ?? other ?? bare ?? '');

/** Words of a command after `uncurl`; null for other code. Brackets mark what may be left out. */
const commandIn = (code: string): readonly string[] | null => {
  const [, rest] = /^(?:[A-Z_]+=\S+ )*(?:npx )?(?:npm run (?:--silent )?uncurl -- )?uncurl (.*)$/.exec(code) ?? [];
  return rest === undefined ? null : wordsOf(rest.replace(/ #.*$/, '').replaceAll(/[[\]]/g, ''));
};

const schemas: Readonly<Record<string, readonly z.ZodObject[]>> = {
  sweep: [describedSweepSettings, describedEngineSettings],
  plan: [describedPlanSettings],
  experiment: [describedExperimentSettings, finetuneSettings],
  finetune: [finetuneSettings],
  submit: [clusterRequest],
  fit: [describedFitSettings],
};
const isPlaceholder = (value: unknown): boolean => typeof value === 'string' && /^[A-Z][A-Z0-9_.=|]*$/.test(value);

/** Splits arguments, of which those without a name may have been left out where `mayLack`. */
const split = (verb: Verb, args: readonly string[], mayLack: boolean): VerbArguments => {
  try {
    return parseArguments(verb, args);
  } catch (error) {
    if (!mayLack) throw error;
    return parseArguments(verb, [...Array.from({ length: verb.positionals[0] }, () => 'X'), ...args]);
  }
};

/** What the program says of a command: null, or why it is refused. */
const refusalOf = (verb: Verb, args: readonly string[], isWhole: boolean): string | null => {
  const named = args.filter((word) => word !== '...' && word !== '…');
  const mayLack = !isWhole || named.length < args.length;
  // "with `uncurl import --python`" names the option alone.
  const last = verb.options[named.at(-1)?.replace(/^--/, '') ?? ''];
  const given = isWhole || last?.type !== 'string' ? named : [...named, 'X'];
  try {
    const { positionals, options } = split(verb, given, mayLack);
    const stated = Object.fromEntries(Object.entries(options).filter(([, value]) => !isPlaceholder(value)));
    for (const schema of schemas[verb.name] ?? []) readSettings(optionReader({ positionals, options: stated }), schema);
    return null;
  } catch (error) {
    if (error instanceof WorkbenchError) return error.message;
    throw error;
  }
};

const topics = new Set(docTopics(read('resources/docs/README.md')).map(({ name }) => name));
const loaded = new Map<string, Verb>();
beforeAll(async () => {
  for (const [name, load] of Object.entries(verbs)) loaded.set(name, await load());
});

/** Commands with which something is wrong. `VERB`, `TOPIC` and `NAME` stand for any. */
const wrongCommands = (codes: readonly Code[]): readonly string[] =>
  codes.flatMap(({ text, isWhole }) => {
    const [name, ...args] = commandIn(text) ?? [];
    if (name === undefined || name.startsWith('-') || name === 'VERB') return [];
    if (name === 'help') {
      const [on = 'all'] = args;
      return on === 'all' || isPlaceholder(on) || topics.has(on) || loaded.has(on) ? [] : [text];
    }
    const verb = loaded.get(name);
    const refusal = verb === undefined ? 'no such verb' : refusalOf(verb, args, isWhole);
    return refusal === null ? [] : [`${text}: ${refusal}`];
  });

describe('documents', () => {
  it.each(documents)('show commands that the program takes: %s', (file) => {
    expect(wrongCommands(codeOf(read(file)))).toEqual([]);
  });

  it('show options alone that some verb has', () => {
    const options = new Set([
      'json',
      'help',
      'version',
      ...[...loaded.values()].flatMap((verb) => Object.keys(verb.options)),
    ]);
    const unknown = ['README.md', 'CHANGELOG.md', 'SECURITY.md', ...pages].flatMap((file) =>
      codeOf(read(file)).flatMap(({ text }) =>
        (text.startsWith('--') ? [...text.matchAll(/(?<=^|\s)--([a-z][a-z-]*)/g)] : [])
          .filter(([, name = '']) => !options.has(name))
          .map(([option]) => `${file}: ${option}`),
      ),
    );
    expect(unknown).toEqual([]);
  });

  it('name scripts of npm that exist', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Readonly<Record<string, string>> };
    const unknown = documents.flatMap((file) =>
      codeOf(read(file)).flatMap(({ text }) => {
        const [, name] = /^(?:[A-Z_]+=\S+ )*npm run (?:--silent )?([\w:-]+)/.exec(text) ?? [];
        return name === undefined || Object.hasOwn(scripts, name) ? [] : [`${file}: ${name}`];
      }),
    );
    expect(unknown).toEqual([]);
  });

  it('name files of the project that exist', () => {
    const isThere = (named: string, from: string): boolean => {
      const near = path.posix.join(path.posix.dirname(from), named);
      return [...known].some(
        (file) => [named, near].some((one) => file === one || file.startsWith(`${one}/`)) || file.endsWith(`/${named}`),
      );
    };
    const absent = documents.flatMap((file) =>
      [
        ...read(file).matchAll(
          /(?<![\w@/.-])(?:main|renderer|electron|tests|resources|\.ci)\/[\w./*{},-]+|(?<![\w@/.-])[\w./-]+\.(?:tsx?|mjs|py)\b/g,
        ),
      ]
        .map(([name]) => name.replace(/[.,/]+$/, ''))
        .filter((name) => !/[*{}]|NAME|^\/|^node_modules|^rank\.py$/.test(name) && !isThere(name, file))
        .map((name) => `${file}: ${name}`),
    );
    expect(absent).toEqual([]);
  });

  it('link to headings that exist', () => {
    const anchorsOf = (file: string): readonly string[] =>
      [...read(file).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
        heading
          .toLowerCase()
          .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
          .replaceAll(' ', '-'),
      );
    const missing = documents.flatMap((file) =>
      [...read(file).matchAll(/\]\(([^)\s:]*)#([^)\s]+)\)/g)].flatMap(([, to = '', anchor = '']) => {
        const target = to === '' ? file : path.posix.join(path.posix.dirname(file), to);
        return known.has(target) && anchorsOf(target).includes(anchor) ? [] : [`${file}: ${to}#${anchor}`];
      }),
    );
    expect(missing).toEqual([]);
  });

  it('name keys that the window has', () => {
    // Keys that belong to a part of the window, or to the terminal.
    const elsewhere = ['Ctrl+Enter', 'Shift+F10'];
    const own = new Set(
      [...program.matchAll(/shortcut: '(?:Mod\+)?([^']+)'/g)].flatMap(([whole, rest = '']) => [
        whole.includes('Mod+') ? `Ctrl+${rest}` : rest,
      ]),
    );
    const absent = ['README.md', ...pages].flatMap((file) =>
      [...read(file).matchAll(/\b(?:Ctrl|Shift|Alt)\+(?:Shift\+)?[A-Za-z0-9?/,.]+/g)]
        .map(([key]) => key.replace(/[,.)]$/, ''))
        .filter((key) => !own.has(key) && !elsewhere.includes(key)),
    );
    expect(absent).toEqual([]);
  });

  it('name variables that the program reads', () => {
    const all = files
      .filter((file) => /\.(?:tsx?|mjs|py)$/.test(file))
      .map(read)
      .join('\n');
    const absent = documents.flatMap((file) =>
      [...read(file).matchAll(/UNCURL_[A-Z_]+/g)].filter(([name]) => !all.includes(name)).map(([name]) => name),
    );
    expect(absent).toEqual([]);
  });

  /** Quoted, and no one text of the program: words of others, examples with numbers, and words taken as words. */
  const notOurs = new Set([
    ...['Report a vulnerability', 'eager', 'grouped_mm', 'CPU GDN attention requires BF16'],
    ...['is_act_and_mul=False is supported only for CUDA, XPU and ROCm', 'Sparse Attention is not supported on CPU'],
    // Made of parts.
    'Save table',
    ...['loses at most 2 points', '2 to 32', 'safe in 4 of 5', 'x4 is safe in 3 of 5 draws'],
    ...['Reading MODEL: 3.1 of 80.0 GB', 'Too far', 'No factor is safe', 'not safe at any factor'],
    ...['masked original equals exported model', 'a few', 'answer without the question', 'keys changed one by one'],
  ]);

  it('quote texts of the window and the terminal as they are', () => {
    const absent = pages.flatMap((file) =>
      withoutBlocks(read(file))
        .replaceAll(/<!-- table:[\s\S]*?<!-- end -->/g, '')
        .replaceAll(/`[^`]*`/g, '')
        .split(/\n\s*\n/)
        .flatMap((block) => [...block.replaceAll(/\s+/g, ' ').matchAll(/"([^"]+)"|\*\*([^*.]+…)\*\*/g)])
        .map(([, quoted, bold]) => quoted ?? bold ?? '')
        .map((text) => text.replace(/^File, /, ''))
        .filter((text) => text.length <= 60 && !notOurs.has(text) && !program.includes(text))
        .map((text) => `${file}: ${text}`),
    );
    expect(absent).toEqual([]);
  });

  it('count model types, methods and verbs as they are', () => {
    expect(read('README.md')).toContain(`- ${String(families.length)} model types are verified against transformers`);
    const changes = read('CHANGELOG.md');
    expect(changes).toContain(`- ${String(methodNames.length)} methods that `);
    expect(changes).toContain(`- ${String(loaded.size)} verbs with `);
    expect(changes).toContain(`GGUF in ${String(ggufTypes.length)} types`);
  });

  it('quote numbers of the rules as they are', () => {
    const verdicts = read('resources/docs/verdicts.md').replaceAll(/\s+/g, ' ');
    const hasRoom = (right: number): boolean =>
      nothingToLose({ metric: 'exact_match', value: right / 300, n: 300 }, 0.02) === null;
    const fewest = Array.from({ length: 301 }, (_, right) => right).find(hasRoom);
    expect(verdicts).toContain(`for written answers: ${String(fewest)} of 300 right at 2 points`);
    const needed = [0.025, 0.0125, 0.00625].map((alpha) => String(itemsNeeded(0.02, 'acc', alpha)));
    expect(verdicts).toContain(`${listed(needed)} are the fewest at 2.5, 1.25 and 0.625 %`);
    expect(verdicts).toContain(`fewer than ${String(itemsNeeded(0.02))} items, no factor can be safe at 2 points`);
    const fit = read('resources/docs/best-fit.md').replaceAll(/\s+/g, ' ');
    expect(fit).toContain(`takes ${String(canaryProbes.length)} of them`);
    const most = MOST_CANARIES.toLocaleString('en-US');
    expect(fit).toContain(`${String(FEWEST_PROBES)} lines are the fewest; ${most} lines, and`);
    expect(fit).toContain(`below the cut (${String(FORECAST_CUT)} nats)`);
    expect(fit).toContain(`right in ${String(forecastRecord.right)} of ${String(forecastRecord.curves)} cases`);
  });
});

it('messages of the program name commands that it takes', () => {
  const wrong = sources.flatMap(([file, text]) => {
    const joined = text.replaceAll(/['`] \+\n\s*['`]/g, '');
    const commands = [...joined.matchAll(/(?:\\?`|"|\\")(uncurl [a-z]+(?: [^`"'\\$\n]*)?)(?:\\?`|"|\\")/g)];
    return wrongCommands(commands.map(([, code = '']) => ({ text: code, isWhole: false }))).map(
      (command) => `${file}: ${command}`,
    );
  });
  expect(wrong).toEqual([]);
});
