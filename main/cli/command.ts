import { Command, Option, type CommanderError } from 'commander';
import { present, refuse } from '../contract/errors.ts';
import { suggestion } from '../contract/nearest-name.ts';
import { textList } from './terminal-text.ts';
import { type HelpGroup, switchOption, type Verb, type VerbArguments, type VerbOption } from './verb.ts';

const COMMON_OPTIONS: Readonly<Record<string, VerbOption>> = {
  json: switchOption('Print one JSON document on standard output.'),
  help: switchOption('Print this help.'),
};

const EXIT_CODES = 'Exit codes: 0 success, 1 failure, 2 bad usage or refused input, 130 cancelled.';

/** Width of help that is not printed on a terminal, in columns. */
const HELP_WIDTH = 120;

const optionsOf = ({ options }: Verb): Readonly<Record<string, VerbOption>> => ({ ...options, ...COMMON_OPTIONS });

const refuseUsage = ({ name, usage }: Verb, message: string, hint = ''): Error =>
  refuse('bad-usage', message, `${hint}${hint === '' ? '' : ' '}Usage: uncurl ${name} ${usage}`.trimEnd());

/** Rewords commander's error as a refusal of the workbench. */
const refusalOf = (verb: Verb, { code, message }: CommanderError): Error => {
  const known = optionsOf(verb);
  const [, flags = ''] = /'(.*)'/s.exec(message) ?? [];
  const [long = flags] = flags.split(/[ =]/);
  const name = long.replace(/^-+/, '');
  const option = Object.hasOwn(known, name) ? known[name] : undefined;
  if (code === 'commander.optionMissingArgument') {
    return refuseUsage(verb, `${long} needs a value (${option?.value ?? 'VALUE'}).`);
  }
  if (code !== 'commander.unknownOption') return refuseUsage(verb, message.replace(/^error: /, ''));
  if (option !== undefined && flags.includes('=')) return refuseUsage(verb, `${long} takes no value.`);
  if (name === 'engine' && verb.engine !== undefined)
    return refuse('bad-usage', `uncurl ${verb.name} has no --engine.`, verb.engine);
  const hint = suggestion(name, Object.keys(known)).replace(/"(.+)"/, '"--$1"');
  return refuseUsage(verb, `uncurl ${verb.name} has no option "${long}".`, hint);
};

const optionOf = (verb: Verb, name: string, option: VerbOption): Option => {
  const { type, multiple = false, bare = false, value = 'VALUE', help } = option;
  if (type === 'boolean') return new Option(`${name === 'help' ? '-h, ' : ''}--${name}`, help);
  const gather = (
    given: string,
    before: string | true | readonly string[] | undefined,
  ): string | true | readonly string[] => {
    if (given === '' && !bare) throw refuseUsage(verb, `--${name} needs a value (${value}).`);
    if (multiple) return [...(typeof before === 'object' ? before : []), given];
    if (before !== undefined) throw refuseUsage(verb, `--${name} is given twice.`);
    // As `spreadValues` writes it.
    return given === '' ? true : given;
  };
  return new Option(`--${name} ${bare ? `[${value}]` : `<${value}>`}`, help).argParser(gather);
};

/** Groups of the names that there are, in order, and one for names that no group lists. */
export const wholeGroups = (
  groups: readonly HelpGroup[],
  names: readonly string[],
  others: string,
): readonly HelpGroup[] => {
  const rest = names.filter((name) => !groups.some((group) => group.names.includes(name)));
  return [...groups, { title: others, names: rest }]
    .map(({ title, names: listed }) => ({ title, names: listed.filter((name) => names.includes(name)) }))
    .filter((group) => group.names.length > 0);
};

const commandOf = (verb: Verb): Command => {
  const command = new Command(verb.name)
    .usage(verb.usage)
    .description(verb.summary)
    .helpOption(false)
    .allowExcessArguments()
    .showSuggestionAfterError(false)
    .configureOutput({ outputError: () => undefined })
    .exitOverride((error) => {
      throw refusalOf(verb, error);
    });
  const options = optionsOf(verb);
  const names = Object.keys(options);
  const groups = verb.optionGroups === undefined ? [] : wholeGroups(verb.optionGroups, names, 'Other options');
  const titles = new Map(groups.flatMap(({ title, names: grouped }) => grouped.map((name) => [name, `${title}:`])));
  const inOrder = groups.length === 0 ? names : groups.flatMap((group) => group.names);
  for (const name of inOrder) {
    const option = present(options[name], `uncurl ${verb.name} has no option ${name} to list`);
    const added = optionOf(verb, name, option);
    const title = titles.get(name);
    command.addOption(title === undefined ? added : added.helpGroup(title));
  }
  return command;
};

const isOption = (argument: string): boolean => argument.startsWith('-') && argument !== '-';

/**
 * Rewrites `--task a b` as `--task a --task b`, and `--referee` without a number as `--referee=`. Commander's own
 * variadic and optional values would also consume a verb's positional arguments: while the verb still lacks some
 * (`--task a MODEL`), a bare word is one of them.
 */
const spreadValues = (verb: Verb, args: readonly string[]): string[] => {
  const known = optionsOf(verb);
  const spread: string[] = [];
  let positionals = 0;
  for (let at = 0; at < args.length; at += 1) {
    const argument = args[at] ?? '';
    if (argument === '--') return [...spread, ...args.slice(at)];
    const name = argument.startsWith('--') ? argument.slice(2) : '';
    const option = Object.hasOwn(known, name) ? known[name] : undefined;
    if (option?.bare === true && !/^\d/.test(args[at + 1] ?? '')) {
      spread.push(`${argument}=`);
      continue;
    }
    spread.push(argument);
    if (option === undefined) {
      if (!isOption(argument)) positionals += 1;
      continue;
    }
    if (option.type === 'boolean') continue;
    at += 1;
    if (at < args.length) spread.push(args[at] ?? '');
    if (option.multiple !== true || positionals < verb.positionals[0]) continue;
    while (at + 1 < args.length && !isOption(args[at + 1] ?? '')) {
      at += 1;
      spread.push(argument, args[at] ?? '');
    }
  }
  return spread;
};

/**
 * Splits a verb's arguments by its options.
 *
 * @throws WorkbenchError `bad-usage` for unknown options (naming the nearest), missing values, options given twice, and
 * too few or too many arguments.
 */
export const parseArguments = (verb: Verb, args: readonly string[]): VerbArguments => {
  const command = commandOf(verb).parse(spreadValues(verb, args), { from: 'user' });
  const options: Record<string, unknown> = {};
  for (const option of command.options) {
    const value: unknown = command.getOptionValue(option.attributeName());
    // Commander reads `--no-name` as the opposite of `name`, which defaults to true.
    const given = option.negate ? value === false || undefined : value;
    if (given !== undefined) options[(option.long ?? '').slice(2)] = given;
  }
  const positionals = [...command.args];
  if (options['help'] === true) return { positionals, options };
  const [fewest, most] = verb.positionals;
  if (positionals.length < fewest) {
    const needed = fewest === 1 ? 'an argument' : `${fewest} arguments`;
    throw refuseUsage(verb, `uncurl ${verb.name} needs ${needed}.`);
  }
  if (positionals.length > most) throw refuseUsage(verb, `"${positionals[most] ?? ''}" is one argument too many.`);
  return { positionals, options };
};

/** The help of one verb, wrapped at `width` columns. */
export const verbHelp = (verb: Verb, width = HELP_WIDTH): string => {
  const command = commandOf(verb).configureHelp({
    helpWidth: width,
    commandUsage: () => `uncurl ${verb.name} ${verb.usage}`.trimEnd(),
    optionTerm: ({ flags }) => flags.replaceAll(/[<>]/g, ''),
  });
  return `${command.helpInformation()}\n${EXIT_CODES}`;
};

export interface VerbGroup {
  readonly title: string;
  readonly verbs: readonly Verb[];
}

/** The help that summarises verbs by group, and names the verbs of further groups. */
export const overview = (
  groups: readonly VerbGroup[],
  width = HELP_WIDTH,
  further: readonly HelpGroup[] = [],
): string => {
  const program = new Command('uncurl')
    .usage('VERB ...   (uncurl VERB --help says more)')
    .description(
      'Uncurl Workbench: how far can the experts of a Mixture-of-Experts language model be pruned for a task?',
    )
    .helpOption(false)
    .helpCommand(false)
    .configureHelp({ helpWidth: width, subcommandTerm: (command) => command.name() });
  for (const { title, verbs } of groups)
    for (const { name, summary } of verbs) program.command(name).description(summary).helpGroup(`${title}:`);
  return [
    program.helpInformation(),
    ...(further.length === 0
      ? []
      : [
          'Further verbs (uncurl help all):',
          `${textList(further.map(({ title, names }) => [`  ${title}`, names.join(', ')]))}\n`,
        ]),
    'MODEL is a model folder, a GGUF file, the name of a bundled model, or a name on the Hub: org/name,',
    'org/name@revision, org/name/file.gguf. T is a task folder, a task file (.jsonl, .parquet, .txt, .yaml), the name',
    'of a bundled task, or that of a task of lm-evaluation-harness. RUN is the name of a run in the workspace, or its',
    'folder. PLAN is a file that `uncurl plan` wrote.',
    EXIT_CODES,
  ].join('\n');
};
