import { parseArgs } from 'node:util';
import { refuse } from '../contract/errors.ts';
import { suggestion } from './nearest-name.ts';
import type { Verb, VerbArguments, VerbOption } from './verb.ts';

/** Options of every verb. */
export const COMMON_OPTIONS: Readonly<Record<string, VerbOption>> = {
  json: { type: 'boolean', help: 'Print one JSON document on standard output.' },
  help: { type: 'boolean', help: 'Print this help.' },
};

const isOption = (argument: string): boolean => argument.startsWith('-') && argument !== '-';

/** Placeholder for values given as in `--task a b` -> `--task a --task b`. */
const spreadValues = (args: readonly string[], verb: Verb, options: Readonly<Record<string, VerbOption>>): string[] => {
  const spread: string[] = [];
  let positionals = 0;
  for (let at = 0; at < args.length; at += 1) {
    const argument = args[at] ?? '';
    if (argument === '--') return [...spread, ...args.slice(at)];
    spread.push(argument);
    const option = argument.startsWith('--') ? options[argument.slice(2)] : undefined;
    if (option === undefined) {
      if (!isOption(argument)) positionals += 1;
      continue;
    }
    if (option.type === 'boolean') continue;
    at += 1;
    if (at < args.length) spread.push(args[at] ?? '');
    // Before the verb has its positional arguments, a bare word may be one of them.
    if (option.multiple !== true || positionals < verb.positionals[0]) continue;
    while (at + 1 < args.length && !isOption(args[at + 1] ?? '')) {
      at += 1;
      spread.push(argument, args[at] ?? '');
    }
  }
  return spread;
};

const usageOf = (verb: Verb): string => `Usage: uncurl ${verb.name} ${verb.usage}`;

const refuseUsage = (verb: Verb, message: string, hint = ''): Error =>
  refuse('bad-usage', message, `${hint}${hint === '' ? '' : ' '}${usageOf(verb)}`);

/** Splits a verb's arguments by its options. Refuses unknown options (naming the nearest), missing values and repeats. */
export const parseArguments = (verb: Verb, args: readonly string[]): VerbArguments => {
  const known: Readonly<Record<string, VerbOption>> = { ...verb.options, ...COMMON_OPTIONS };
  const { tokens } = parseArgs({
    args: spreadValues(args, verb, known),
    options: Object.fromEntries(
      Object.entries(known).map(([name, { type, multiple = false }]) => [name, { type, multiple }]),
    ),
    strict: false,
    tokens: true,
    allowPositionals: true,
  });
  const positionals: string[] = [];
  const options: Record<string, string | boolean | string[]> = {};
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const option = known[token.name];
    if (option === undefined) {
      const hint = suggestion(token.name, Object.keys(known)).replace(/"(.+)"/, '"--$1"');
      throw refuseUsage(verb, `uncurl ${verb.name} has no option "${token.rawName}".`, hint);
    }
    if (option.type === 'boolean') {
      if (token.value !== undefined) throw refuseUsage(verb, `${token.rawName} takes no value.`);
      options[token.name] = true;
      continue;
    }
    if (token.value === undefined || token.value === '')
      throw refuseUsage(verb, `${token.rawName} needs a value (${option.value ?? 'VALUE'}).`);
    if (option.multiple === true) {
      const before = options[token.name];
      options[token.name] = [...(Array.isArray(before) ? before : []), token.value];
      continue;
    }
    if (token.name in options) throw refuseUsage(verb, `${token.rawName} is given twice.`);
    options[token.name] = token.value;
  }
  const [fewest, most] = verb.positionals;
  if (options['help'] !== true) {
    if (positionals.length < fewest)
      throw refuseUsage(
        verb,
        `uncurl ${verb.name} needs ${fewest === 1 ? 'an argument' : `${String(fewest)} arguments`}.`,
      );
    if (positionals.length > most) throw refuseUsage(verb, `"${positionals[most] ?? ''}" is one argument too many.`);
  }
  return { positionals, options };
};
