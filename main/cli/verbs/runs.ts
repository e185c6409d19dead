import { filterRuns, runOrders, sortRuns } from '../../contract/run-filter.ts';
import { runName } from '../../contract/run-label.ts';
import type { RunManifest } from '../../contract/run.ts';
import { isWorkspace, openExistingWorkspace } from '../../workspace/open-workspace.ts';
import { optionReader } from '../option-values.ts';
import { performRunCommand, runCommandNamed } from '../run-commands.ts';
import { WORKSPACE_OPTION, workspaceOf } from '../subjects.ts';
import { textTable } from '../text-table.ts';
import type { Verb } from '../verb.ts';

const MOST_WORDS = 400;

const stateOf = ({ state, damaged, finding, label }: RunManifest): string => {
  const found = finding === 'different' ? `${state}, not equal` : state;
  return `${damaged === undefined ? found : 'damaged'}${label?.archived === true ? ', archived' : ''}`;
};

const rowOf = (run: RunManifest): readonly string[] => [
  run.id,
  run.kind,
  stateOf(run),
  run.createdAt.slice(0, 19).replace('T', ' '),
  run.damaged ?? run.label?.unreadable ?? runName(run),
  (run.label?.tags ?? []).map((tag) => `#${tag}`).join(' '),
];

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
    find: {
      type: 'string',
      value: 'TEXT',
      help: 'Only runs whose name, models, tasks, kind, state, tags or note contain every word of TEXT.',
    },
    tag: { type: 'string', value: 'TAG', multiple: true, help: 'Only runs with this tag; may be repeated.' },
    archived: { type: 'boolean', help: 'Include archived runs.' },
    sort: { type: 'string', value: 'ORDER', help: `${runOrders.join(', ')} (default newest).` },
    trash: { type: 'string', value: 'RUN', help: 'The same as `uncurl runs trash RUN`.' },
    yes: { type: 'boolean', help: 'With empty-trash: confirm that deletion is permanent.' },
    ...WORKSPACE_OPTION,
  },
  run: async (given, host) => {
    const reader = optionReader(given);
    const path = workspaceOf(reader, host);
    const [word, named, ...words] = given.positionals;
    const unwanted = reader.text('trash');
    if (word !== undefined || unwanted !== undefined) {
      const command = word === undefined ? 'trash' : runCommandNamed(word);
      const workspace = await openExistingWorkspace(path);
      return performRunCommand(workspace, command, { named: named ?? unwanted, words, yes: reader.flag('yes') });
    }
    // The default workspace is created by the first run; a named one must exist.
    const isMade = reader.text('workspace') !== undefined || (await isWorkspace(path));
    const all = isMade ? await (await openExistingWorkspace(path)).runs.list() : [];
    const filter = { text: reader.text('find') ?? '', tags: reader.list('tag'), archived: reader.flag('archived') };
    const manifests = sortRuns(filterRuns(all, filter), reader.choice('sort', runOrders) ?? 'newest');
    const hidden = all.length - manifests.length;
    const rest =
      hidden === 0 ? [] : [`${String(hidden)} more ${hidden === 1 ? 'is' : 'are'} archived or filtered out.`];
    const text = [
      ...(manifests.length > 0
        ? [textTable(['run', 'kind', 'state', 'created', 'name', 'tags'], manifests.map(rowOf))]
        : all.length === 0
          ? [`${path} contains no runs.`]
          : []),
      ...rest,
    ].join('\n\n');
    return { document: manifests, text };
  },
};
