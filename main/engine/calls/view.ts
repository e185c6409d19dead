import { calls } from '../../contract/calls.ts';
import { createKeptView } from '../../workspace/kept-view.ts';
import { answer, type Answers, type EngineContext } from '../engine-context.ts';

export const viewCalls = ({ workspace }: EngineContext): Pick<Answers, 'view.kept' | 'view.keep'> => {
  const kept = createKeptView(workspace.path, workspace.temporaryFolder);
  return {
    'view.kept': answer(calls['view.kept'], async () => ({ address: await kept.read() })),
    'view.keep': answer(calls['view.keep'], async ({ address }) => {
      await kept.write(address);
      return {};
    }),
  };
};
