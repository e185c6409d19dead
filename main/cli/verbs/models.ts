import { memoryVerdict, type ModelEntry } from '../../contract/model.ts';
import { hubSettings } from '../../hub/hub-settings.ts';
import { withEngine } from '../open-engine.ts';
import { MACHINE_OPTIONS, machineSettings } from '../machine-options.ts';
import { WORKSPACE_OPTION } from '../subjects.ts';
import { printedBytes, printedCount, textTable } from '../terminal-text.ts';
import { switchOption, valueOption, type Verb } from '../verb.ts';

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
