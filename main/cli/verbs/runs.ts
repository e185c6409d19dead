import { filterRuns, type RunManifest, runName, runOrders, runTag, sortRuns, tagsIn } from '../../contract/run.ts';
import { isWorkspace, openExistingWorkspace, type Workspace } from '../../workspace/open-workspace.ts';
import { repeatedOption, switchOption, valueOption, type Verb, type VerbHost, type VerbResult } from '../verb.ts';
import { vouchingBy } from '../../runs/run-source.ts';
import { equivalentCommand } from '../../words/equivalent-command.ts';
import { provenanceBadge } from '../../words/provenance.ts';
import { stateFolder } from '../../workspace/user-key.ts';
import { WORKSPACE_OPTION, workspaceOf } from '../subjects.ts';
import { printedBytes, printedMoment, terminalText, textTable } from '../terminal-text.ts';
import { assertNever, refuse } from '../../contract/errors.ts';
import { suggestion } from '../../contract/nearest-name.ts';
import { readJobLog } from '../../jobs/job-log.ts';

// `uncurl runs COMMAND ...`: commands that act on runs. Each writes the same files as the window.

export const runCommands = [
  'log',
  'rename',
  'note',
  'tag',
  'untag',
  'archive',
  'unarchive',
  'trash',
  'restore',
  'empty-trash',
] as const;
export type RunCommand = (typeof runCommands)[number];

const runCommandNamed = (word: string): RunCommand => {
  const found = runCommands.find((command) => command === word);
  if (found !== undefined) return found;
  throw refuse('bad-usage', `uncurl runs has no command "${word}".`, suggestion(word, runCommands));
};

interface Given {
  /** A run's name; for `restore` and `empty-trash` the name of a trash entry, or of its run. */
  readonly named: string | undefined;
  readonly words: readonly string[];
  /** The user confirmed that deletion is permanent. */
  readonly yes: boolean;
}

const needed = (command: RunCommand, named: string | undefined): string => {
  if (named !== undefined) return named;
  throw refuse('bad-usage', `uncurl runs ${command} needs a run.`, 'List the runs to see their names.');
};

const tagsOf = (command: RunCommand, words: readonly string[]): readonly string[] => {
  const tags = tagsIn(words.join(' '));
  if (tags.length === 0) throw refuse('bad-usage', `uncurl runs ${command} needs a tag.`, 'Give one or more words.');
  const bad = tags.find((tag) => !runTag.safeParse(tag).success);
  if (bad === undefined) return tags;
  throw refuse('bad-value', `"${bad}" is no tag.`, 'A tag is one word of at most 40 letters without # or comma.');
};

/** The named trash entry, or the latest entry of the named run. */
const entryNamed = async ({ trash }: Workspace, named: string): Promise<string> => {
  const listed = await trash.list();
  const found = listed.find(({ entry }) => entry === named) ?? listed.find(({ run }) => run === named);
  if (found !== undefined) return found.entry;
  throw refuse(
    'not-in-trash',
    `"${named}" is not in the trash.`,
    listed.length === 0
      ? 'It is empty.'
      : suggestion(
          named,
          listed.map(({ run }) => run),
        ),
  );
};

const listTrash = async ({ trash }: Workspace): Promise<VerbResult> => {
  const document = await trash.list();
  const rows = document.map(({ entry, kind, name, trashedAt, sizeBytes }) => [
    entry,
    kind,
    printedMoment(trashedAt),
    printedBytes(sizeBytes),
    name,
  ]);
  return {
    document,
    text: rows.length === 0 ? 'The trash is empty.' : textTable(['entry', 'kind', 'moved there', 'size', 'name'], rows),
  };
};

const performRunCommand = async (
  workspace: Workspace,
  command: RunCommand,
  { named, words, yes }: Given,
): Promise<VerbResult> => {
  const { runs, trash } = workspace;
  const text = words.join(' ').trim();
  switch (command) {
    case 'log': {
      const run = needed(command, named);
      await runs.read(run);
      const document = await readJobLog(run, runs.folder(run));
      const { lines, missing } = document;
      const shown = lines.map((line) => `${printedMoment(line.at)}  ${terminalText(line.text)}`);
      return {
        document,
        text: [...(lines.length === 0 ? [`${run} has no log.`] : shown), missing ?? ''].join('\n').trimEnd(),
      };
    }
    case 'rename': {
      const run = needed(command, named);
      const label = await runs.label(run, { name: text === '' ? null : text });
      const { title } = await runs.read(run);
      return { document: { run, ...label }, text: `${run} is called “${runName({ title, label })}”.` };
    }
    case 'note': {
      const run = needed(command, named);
      const label = await runs.label(run, { note: text });
      return { document: { run, ...label }, text: text === '' ? `${run} has no note.` : `${run}: ${text}` };
    }
    case 'tag':
    case 'untag': {
      const run = needed(command, named);
      const tags = tagsOf(command, words);
      const [known] = (await runs.list()).filter(({ id }) => id === run).map(({ label }) => label?.tags ?? []);
      const worn = known ?? [];
      const next = command === 'tag' ? [...worn, ...tags] : worn.filter((tag) => !tags.includes(tag));
      const label = await runs.label(run, { tags: next });
      const shown = label.tags.map((tag) => `#${tag}`).join(' ');
      return { document: { run, ...label }, text: `${run}: ${shown === '' ? 'no tags' : shown}.` };
    }
    case 'archive':
    case 'unarchive': {
      const run = needed(command, named);
      const label = await runs.label(run, { archived: command === 'archive' });
      const change = label.archived ? 'is archived: uncurl runs --archived lists it.' : 'is listed again.';
      return { document: { run, ...label }, text: `${run} ${change}` };
    }
    case 'trash': {
      if (named === undefined) return listTrash(workspace);
      const at = await runs.trash(named);
      return {
        document: { run: named, at },
        text: `${named} is in ${at} now. Move it back: uncurl runs restore ${named}`,
      };
    }
    case 'restore': {
      const run = await trash.restore(await entryNamed(workspace, needed(command, named)));
      return { document: { run }, text: `${run} is among the runs again.` };
    }
    case 'empty-trash': {
      if (!yes) throw refuse('not-confirmed', 'Deleting from the trash is permanent.', 'Confirm with --yes.');
      const emptied = await trash.empty(named === undefined ? undefined : await entryNamed(workspace, named));
      const { removed, sizeBytes } = emptied;
      return {
        document: emptied,
        text:
          removed === 0
            ? 'The trash was empty.'
            : `${removed} ${removed === 1 ? 'run' : 'runs'} (${printedBytes(sizeBytes)}) deleted.`,
      };
    }
    default:
      return assertNever(command);
  }
};

const MOST_WORDS = 400;

const stateOf = ({ state, damaged, finding, label, provenance }: RunManifest): string => {
  const found = finding === 'different' ? `${state}, not equal` : state;
  const words = [damaged === undefined ? found : 'damaged', provenanceBadge(provenance) ?? []];
  return [...words.flat(), ...(label?.archived === true ? ['archived'] : [])].join(', ');
};

const rowOf = (run: RunManifest): readonly string[] => [
  run.id,
  run.kind,
  stateOf(run),
  printedMoment(run.createdAt),
  run.damaged ?? run.label?.unreadable ?? runName(run),
  (run.label?.tags ?? []).map((tag) => `#${tag}`).join(' '),
];

const listed = async (workspace: Workspace, { settingsFile }: VerbHost): Promise<readonly RunManifest[]> =>
  workspace.runs.list(await vouchingBy(stateFolder(settingsFile), workspace));

export const runs: Verb = {
  name: 'runs',
  usage:
    '[log RUN | rename RUN NAME | note RUN TEXT | tag RUN TAG... | untag RUN TAG... | archive RUN | unarchive RUN | ' +
    'trash [RUN] | restore RUN | empty-trash] [--find TEXT] [--tag TAG...] [--archived] [--sort ORDER] [--workspace ' +
    'DIR]',
  summary:
    'Lists the runs of a workspace with their names and tags, damaged ones with the reason; shows the log of ' +
    'one; names, notes, tags, archives them, or moves them to the trash and back.',
  positionals: [0, MOST_WORDS],
  options: {
    find: valueOption(
      'TEXT',
      'Only runs whose name, models, tasks, kind, state, tags or note contain every word of TEXT.',
    ),
    tag: repeatedOption('TAG', 'Only runs with this tag; may be repeated.'),
    archived: switchOption('Include archived runs.'),
    sort: valueOption('ORDER', `${runOrders.join(', ')} (default newest).`),
    trash: valueOption('RUN', 'The same as `uncurl runs trash RUN`.'),
    yes: switchOption('With empty-trash: confirm that deletion is permanent.'),
    ...WORKSPACE_OPTION,
  },
  run: async (reader, host) => {
    const path = workspaceOf(reader, host);
    const [word, named, ...words] = reader.positionals;
    const unwanted = reader.text('trash');
    if (word !== undefined || unwanted !== undefined) {
      const command = word === undefined ? 'trash' : runCommandNamed(word);
      const workspace = await openExistingWorkspace(path);
      return performRunCommand(workspace, command, { named: named ?? unwanted, words, yes: reader.flag('yes') });
    }
    // The default workspace is created by the first run; a named one must exist.
    const isMade = reader.text('workspace') !== undefined || (await isWorkspace(path));
    const all = isMade ? await listed(await openExistingWorkspace(path), host) : [];
    const filter = { text: reader.text('find') ?? '', tags: reader.list('tag'), archived: reader.flag('archived') };
    const manifests = sortRuns(filterRuns(all, filter), reader.choice('sort', runOrders) ?? 'newest');
    const hidden = all.length - manifests.length;
    const rest = hidden === 0 ? [] : [`${hidden} more ${hidden === 1 ? 'is' : 'are'} archived or filtered out.`];
    const text = [
      ...(manifests.length > 0
        ? [textTable(['run', 'kind', 'state', 'created', 'name', 'tags'], manifests.map(rowOf))]
        : all.length === 0
          ? [`${path} contains no runs.`]
          : []),
      ...rest,
    ].join('\n\n');
    // The command in a run's file may be anybody's text.
    const document = manifests.map((run) => ({ ...run, commandLine: equivalentCommand(run) ?? '' }));
    return { document, text };
  },
};
