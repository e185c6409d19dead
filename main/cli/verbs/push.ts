import { resolve } from 'node:path';
import { refuse } from '../../contract/errors.ts';
import { isRepositoryId } from '../../contract/hub.ts';
import { followRun, withEngine } from '../open-engine.ts';
import { WORKSPACE_OPTION } from '../subjects.ts';
import { switchOption, type Verb } from '../verb.ts';

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
