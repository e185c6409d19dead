import { memoryVerdict, type ModelEntry } from '../../contract/model.ts';
import { hubSettings } from '../../hub/hub-settings.ts';
import { followRun, withEngine } from '../open-engine.ts';
import { MACHINE_OPTIONS, machineSettings } from '../machine-options.ts';
import { WORKSPACE_OPTION } from '../subjects.ts';
import { printedBytes, printedCount, textTable } from '../terminal-text.ts';
import { switchOption, valueOption, type Verb } from '../verb.ts';
import { refuse } from '../../contract/errors.ts';
import { hubNameText, isRepositoryId, parseHubName } from '../../contract/hub.ts';
import { findInCache } from '../../hub/hub-cache.ts';
import { resolve } from 'node:path';

const RUNS = { resident: 'yes', streamed: 'one block at a time', 'too-large': 'no: too little memory' } as const;

/** Models that can run first, then the others, each by name; one path once. */
const inOrder = (models: readonly ModelEntry[]): readonly ModelEntry[] => {
  const unique = [...new Map(models.map((model) => [model.path, model])).values()];
  const rank = ({ info }: ModelEntry): number => (info === null ? 1 : 0);
  return unique.sort(
    (left, right) => rank(left) - rank(right) || left.name.localeCompare(right.name, 'en', { numeric: true }),
  );
};

export const models: Verb = {
  name: 'models',
  usage: '[--search TEXT [--all]]',
  summary:
    'Lists the models on this machine: bundled ones, those of the Hugging Face cache, and folders used before. With ' +
    '--search, those of the Hub.',
  positionals: [0, 0],
  options: {
    search: valueOption('TEXT', 'Search the Hub by a part of the name; families that can run here only.'),
    all: switchOption('With --search: models of other families too.'),
    memory: MACHINE_OPTIONS.memory,
    ...WORKSPACE_OPTION,
  },
  run: async (reader, host) =>
    withEngine(reader, host, async (engine) => {
      const query = reader.text('search');
      if (query !== undefined) {
        const found = await engine.call('hub.search', { query, all: reader.flag('all') }, host.signal);
        const rows = found.map(({ repository, modelType, downloads, isGated }) => [
          repository,
          modelType ?? 'unknown',
          printedCount(downloads),
          isGated ? 'yes' : '',
        ]);
        return {
          document: found,
          text:
            rows.length === 0
              ? 'Nothing was found. `--all` also shows families that cannot run here.'
              : textTable(['model', 'family', 'downloads', 'gated'], rows),
        };
      }
      const listed = inOrder([...(await engine.call('models.list', {})), ...(await engine.call('models.cached', {}))]);
      const { memoryBudgetBytes } = machineSettings(reader);
      const rows = listed.map(({ name, info, error }) =>
        info === null
          ? [name, '', '', '', `no: ${error ?? 'unknown'}`]
          : [
              name,
              info.family,
              printedCount(info.parameters.total),
              printedBytes(info.sizeBytes),
              RUNS[memoryVerdict(info, memoryBudgetBytes).kind],
            ],
      );
      return {
        document: { cache: hubSettings(host.environment).cache, models: listed },
        text: textTable(['model', 'family', 'parameters', 'on disk', 'runs here'], rows),
      };
    }),
};

export const download: Verb = {
  name: 'download',
  usage: 'ORG/NAME[@REVISION]',
  summary:
    'Downloads a model from the Hub into the Hugging Face cache: the files that are needed, each with its checksum. ' +
    'Ended in any way, it continues where it was.',
  positionals: [1, 1],
  options: { ...WORKSPACE_OPTION },
  run: async (reader, host) => {
    const [text = ''] = reader.positionals;
    const name = parseHubName(text);
    if (name === null)
      throw refuse('bad-usage', `"${text}" is not the name of a model on the Hub.`, 'Name it org/name.');
    return withEngine(reader, host, async (engine) => {
      const model = await engine.call('hub.look', { name: hubNameText(name) }, host.signal);
      const { totalBytes, presentBytes, commit, repository } = model;
      host.say(
        `${printedBytes(totalBytes - presentBytes)} of ${repository} (commit ${commit.slice(0, 12)}) are to be ` +
          `downloaded: ${model.files.length} files, ${printedBytes(totalBytes)}.`,
      );
      const { run } = await engine.call('hub.download', { name: hubNameText(name) }, host.signal);
      host.say(`Run ${run}`);
      const summary = await followRun(engine, run, host);
      const found = await findInCache(hubSettings(host.environment).cache, { ...name, revision: commit });
      if (found.kind === 'missing') throw new Error(found.what);
      return {
        document: { run, repository, commit, folder: found.path, totalBytes },
        text: `${summary}\n${found.path}`,
      };
    });
  },
};

export const push: Verb = {
  name: 'push',
  usage: 'EXPORT ORG/NAME [--private]',
  summary:
    'Publishes a verified export on the Hub. Refuses what has changed since it was verified. Ended in any way, the ' +
    'same command continues with the next file.',
  positionals: [2, 2],
  options: {
    private: switchOption('Make the repository private.'),
    'into-existing': switchOption('Add to a repository that has files, and replace those of the same names.'),
    'without-numbers': switchOption('Publish a card that does not say what pruning costs.'),
    ...WORKSPACE_OPTION,
  },
  run: async (reader, host) => {
    const [folder = '', repository = ''] = reader.positionals;
    if (!isRepositoryId(repository))
      throw refuse('bad-usage', `"${repository}" is not the name of a repository.`, 'Name it org/name.');
    return withEngine(reader, host, async (engine) => {
      const order = {
        exported: { handle: engine.grantPath(resolve(folder)) },
        repository,
        isPrivate: reader.flag('private'),
        intoExisting: reader.flag('into-existing'),
        withoutNumbers: reader.flag('without-numbers'),
      };
      const { run } = await engine.call('hub.push', order, host.signal);
      host.say(`Run ${run}`);
      const summary = await followRun(engine, run, host);
      return { document: { run, repository, summary }, text: summary };
    });
  },
};
