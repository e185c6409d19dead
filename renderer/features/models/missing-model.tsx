import { shortHash } from '../../../main/contract/model.ts';
import type { ModelEntry } from '../../../main/contract/model.ts';
import { Button } from '../../components/button.tsx';
import { Problem } from '../../components/problem.tsx';
import { useRequest } from '../../engine/use-request.ts';
import { locateModel } from './locate-model.ts';

/** A remembered model whose folder is gone: what was there, and the way to where it is. */
export const MissingModel = ({ model }: { readonly model: ModelEntry }) => {
  const { busy, start } = useRequest();
  const fingerprint = model.missing?.fingerprint ?? null;
  return (
    <>
      <Problem
        error={{
          message: `Moved or deleted: ${model.path}`,
          remedy: 'Tell where it is now, or forget it with × in the list.',
        }}
      />
      {fingerprint === null ? (
        <p className="muted">
          Its header hash was never noted, so it cannot be told from another model: open it as a new one.
        </p>
      ) : (
        <>
          <p className="muted">
            Its header hash was <code>{shortHash(fingerprint)}</code>; another model is refused.
          </p>
          <Button icon="folder" disabled={busy} onClick={() => start((engine) => locateModel(engine, model))}>
            Locate…
          </Button>
        </>
      )}
    </>
  );
};
