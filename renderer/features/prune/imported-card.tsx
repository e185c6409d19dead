import { importPlan } from '../../actions/import-plan.ts';
import { useAction } from '../../actions/use-action.ts';
import { Button } from '../../components/button.tsx';
import { Definition } from '../../components/definition.tsx';
import { formatFactor } from '../../format/format-number.ts';
import { planStore } from '../../state/plan-store.ts';
import type { ImportedFile } from '../../state/plan-store.ts';
import { methodTitle } from './methods.ts';

/** The file that stands in for the method, and the way back. */
export const ImportedCard = ({ file }: { readonly file: ImportedFile }) => {
  const other = useAction(importPlan);
  return (
    <div className="imported" role="group" aria-label="Imported file">
      <p>
        <Definition of={file.kind === 'plan' ? 'importedPlan' : 'importedRanking'}>
          {file.kind === 'plan' ? 'Plan' : 'Ranking'}
        </Definition>{' '}
        <strong>{file.name}</strong>
        {file.kind === 'plan' && (
          <span className="muted">
            {' '}
            {file.method === null ? 'written by hand' : methodTitle(file.method)}
            {file.factor === null ? '' : `, ${formatFactor(file.factor)}`}
          </span>
        )}
      </p>
      <div className="card-actions">
        <Button onClick={() => planStore.getState().importFile(null)}>Back to methods</Button>
        <Button look="quiet" onClick={other.perform} disabled={!other.enabled}>
          Import another…
        </Button>
      </div>
    </div>
  );
};
