import type { SerialisedError } from '../../../main/contract/errors.ts';
import { droppedShare } from '../../../main/evaluation/dropped-share.ts';
import { ActionButton, ProfileNow } from '../../actions/action-button.tsx';
import { savePlan } from '../../actions/plan.ts';
import { measurePlan } from '../../actions/sweep.ts';
import { Button } from '../../components/button.tsx';
import { Definition, Words } from '../../components/definition.tsx';
import { Disclosure } from '../../components/panel.tsx';
import { Problem } from '../../components/problem.tsx';
import { Reading } from '../../components/reading.tsx';
import { focusedTask, selectedModel, useFacts } from '../../engine/facts.ts';
import { formatFactor } from '../../../main/words/numbers.ts';
import { CostTable } from '../../plan/cost-table.tsx';
import { keptExperts } from '../../plan/expert-fates.ts';
import { numberRanges } from '../../plan/kept-counts.ts';
import { useMethodPage } from '../../plan/method-select.tsx';
import { methodTitle } from '../../../main/words/methods.ts';
import { useCurrentPlan } from '../../plan/use-current-plan.ts';
import { useProfiles } from '../../profile/use-profiles.ts';
import { exportStore } from '../../state/model-forms.ts';

/** Predicted outcome of the plan, available at once and without inference. */
export const PlanOutcome = () => {
  const facts = useFacts();
  const { made, fates, error } = useCurrentPlan();
  const { profileOf } = useProfiles();
  const task = focusedTask(facts);
  const profile = task === null ? undefined : profileOf(task);
  const info = selectedModel(facts)?.info;
  return (
    <section className="card" aria-label="Result of the plan">
      <h3>Model after pruning</h3>
      {error !== null && <NoPlan error={error} />}
      {made === undefined &&
        error === null &&
        (facts.selection.task === null ? (
          <p className="muted">Select a task: the plan is made from its profile.</p>
        ) : (
          <Reading of="plan.make" />
        ))}
      {made?.notes?.map((note) => (
        <Problem key={note} error={{ message: note, remedy: '' }} />
      ))}
      {made !== undefined && info !== undefined && info !== null && (
        <>
          <CostTable
            cost={made.cost}
            experts={info.experts}
            topK={info.topK}
            droppedShare={profile === undefined ? null : droppedShare(profile.counts, made.plan)}
          />
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
              onClick={() => exportStore.getState().choosePoint(null)}
              disabled={made.cost.keptPerLayer.every((kept) => kept === info.experts)}
            >
              Export this plan…
            </Button>
            <ActionButton action={savePlan} look="quiet">
              Save as JSON…
            </ActionButton>
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

/** Shown for a method that must search for its plan: what that costs, and a button to start the job. */
const SearchNow = () => {
  const { selection } = useFacts();
  const page = useMethodPage(selection.method);
  return (
    <div className="stack">
      <p>
        {methodTitle(selection.method)} must first <Definition of="search">search</Definition> for a plan, in a job that
        can be cancelled and resumed. The plan then appears as a point of the curve, and can be exported from there.
      </p>
      <p className="muted">
        It keeps the same number of experts in every layer; pins, budgets and protection have no effect.
      </p>
      {page !== undefined && (
        <p className="muted">
          Cost: <Words text={page.cost} />.
        </p>
      )}
      <div className="card-actions">
        <ActionButton action={measurePlan} look="primary" icon="play">
          Search and measure at {formatFactor(selection.factor)}
        </ActionButton>
      </div>
    </div>
  );
};
