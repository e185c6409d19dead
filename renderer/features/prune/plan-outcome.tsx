import type { SerialisedError } from '../../../main/contract/errors.ts';
import { savePlan } from '../../actions/save-plan.ts';
import { useAction } from '../../actions/use-action.ts';
import { Button } from '../../components/button.tsx';
import { Disclosure } from '../../components/disclosure.tsx';
import { Problem } from '../../components/problem.tsx';
import { selectedModel } from '../../engine/facts.ts';
import { useFacts } from '../../engine/use-facts.ts';
import { exportStore } from '../../state/export-store.ts';
import { layoutStore } from '../../state/layout-store.ts';
import { CostTable } from './cost-table.tsx';
import { keptExperts } from './expert-fates.ts';
import { numberRanges } from './number-ranges.ts';
import { ProfileNow } from './profile-now.tsx';
import { SearchNow } from './search-now.tsx';
import { useCurrentPlan } from './use-current-plan.ts';

/** What the plan would leave: known at once, without compute. */
export const PlanOutcome = () => {
  const facts = useFacts();
  const { made, fates, error } = useCurrentPlan();
  const save = useAction(savePlan);
  const info = selectedModel(facts)?.info;
  const toExport = (): void => {
    exportStore.getState().choosePoint(null);
    layoutStore.getState().show('export');
  };
  return (
    <section className="card" aria-label="What the plan leaves">
      <h3>What would be left</h3>
      {error !== null && <NoPlan error={error} />}
      {made === undefined && error === null && (
        <p className="muted">Select a task: the plan is made from its profile.</p>
      )}
      {made?.notes?.map((note) => (
        <Problem key={note} error={{ message: note, remedy: '' }} />
      ))}
      {made !== undefined && info !== undefined && info !== null && (
        <>
          <CostTable cost={made.cost} experts={info.experts} topK={info.topK} />
          {made.cost.exportable.reason !== null && (
            <Problem
              error={{
                message: 'A stock Hugging Face loader cannot open this plan’s export.',
                remedy: made.cost.exportable.reason,
              }}
            />
          )}
          {fates !== null && (
            <Disclosure summary="Kept experts by layer">
              <dl className="kept-list">
                {keptExperts(fates).map((kept, layer) => (
                  <KeptRow key={layer} layer={layer} kept={kept} />
                ))}
              </dl>
            </Disclosure>
          )}
          <div className="card-actions">
            <Button
              icon="save"
              onClick={toExport}
              disabled={made.cost.keptPerLayer.every((kept) => kept === info.experts)}
            >
              Export this plan…
            </Button>
            <Button look="quiet" onClick={save.perform} disabled={!save.enabled}>
              Save as JSON…
            </Button>
          </div>
        </>
      )}
    </section>
  );
};

const NoPlan = ({ error }: { readonly error: SerialisedError }) => {
  if (error.code === 'profile-missing') return <ProfileNow error={error} />;
  return error.code === 'needs-search' ? <SearchNow /> : <Problem error={error} />;
};

const KeptRow = ({ layer, kept }: { readonly layer: number; readonly kept: readonly number[] }) => (
  <>
    <dt>layer {layer}</dt>
    <dd>{kept.length}</dd>
    <dd>{numberRanges(kept)}</dd>
  </>
);
