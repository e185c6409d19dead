import { useEffect } from 'react';
import { useStore } from 'zustand';
import type { CallInput, CallOutput } from '../../../main/contract/calls.ts';
import type { SerialisedError } from '../../../main/contract/errors.ts';
import { useAction } from '../../actions/action.ts';
import { ActionButton, ProfileNow } from '../../actions/action-button.tsx';
import { startExport } from '../../actions/export.ts';
import { showDevices } from '../../actions/view.ts';
import { Button } from '../../components/button.tsx';
import { Definition } from '../../components/definition.tsx';
import { Checkbox, Segmented } from '../../components/choices.tsx';
import { NewFolderName, ParentFolder } from '../../components/new-folder.tsx';
import { Problem } from '../../components/problem.tsx';
import { useQuery } from '../../engine/engine-context.tsx';
import { useFacts } from '../../engine/facts.ts';
import { formatBytes, formatFactor } from '../../../main/words/numbers.ts';
import { inTaskTitles } from '../../../main/words/task-titles.ts';
import { CostTable } from '../../plan/cost-table.tsx';
import {
  canAskTransformers,
  chosenFormat,
  chosenMtp,
  exportName,
  exportObstacle,
  exportSource,
  type ExportSource,
} from '../../plan/export-source.ts';
import { methodTitle } from '../../../main/words/methods.ts';
import { notShownSafeText } from '../../../main/words/verdicts.ts';
import { exportStore } from '../../state/model-forms.ts';
import { ExportCheck, MeasuredLine } from './export-outcome.tsx';
import {
  formatOptions,
  formatText,
  ggufTypeOptions,
  hfTypeOptions,
  mtpOptions,
  mtpText,
  QUANTISED_TEXT,
  STORED_GGUF_TEXT,
  storedGgufOptions,
  weightsText,
} from './export-formats.ts';

interface ExportPlan {
  readonly source: ExportSource | null;
  readonly made: CallOutput<'plan.make'> | undefined;
  readonly error: SerialisedError | null;
}

export const useExportPlan = (): ExportPlan => {
  const facts = useFacts();
  const point = useStore(exportStore, (state) => state.point);
  const source = exportSource(facts, { point });
  const made = useQuery('plan.make', source?.call === 'plan.make' ? source.input : null);
  const measured = useQuery('sweep.plan', source?.call === 'sweep.plan' ? source.input : null);
  const read = useQuery('plan.import', source?.call === 'plan.import' ? source.input : null);
  const { data, error } = source?.call === 'sweep.plan' ? measured : source?.call === 'plan.import' ? read : made;
  return { source, made: data, error };
};

/** Weights written in another type have another size, which is not known in advance. */
const isRetyped = ({ format, ggufType, hfType }: ReturnType<typeof chosenFormat>): boolean =>
  (format === 'gguf' && ggufType !== null) || (format === 'hf' && hfType !== null);

/** The choice to ask transformers about the folder, where a Python is configured that has it. */
const Referee = () => {
  const referee = useStore(exportStore, (state) => state.referee);
  const environment = useQuery('python.environment', {}).data;
  const hasPython = environment !== undefined && environment.versions !== null;
  return (
    <>
      <Checkbox
        checked={referee && hasPython}
        disabled={!hasPython}
        onChange={(asked) => exportStore.setState({ referee: asked })}
      >
        Compare with transformers
      </Checkbox>
      <p className="muted">
        {environment === undefined || hasPython
          ? 'Its logits on 64 tokens; a folder that differs is not kept.'
          : (environment.problem?.message ?? 'No Python with PyTorch is configured.')}{' '}
        {environment !== undefined && !hasPython && <ActionButton action={showDevices}>Devices…</ActionButton>}
      </p>
    </>
  );
};

/** Why the export of a plan that is not shown to be safe waits for a second press. */
const AskedAgain = (asked: Extract<CallInput<'export.measured'>, { readonly plan: unknown }>) => {
  // The first press has asked this: the answer is there.
  const measured = useQuery('export.measured', { model: asked.model, plan: asked.plan }).data;
  if (measured === undefined) return null;
  const message = notShownSafeText(measured.results);
  return <Problem error={{ message, remedy: 'Press “Export all the same”, or choose another plan.' }} />;
};

/** Plan, destination, name and format of an export, and what will be written. */
export const ExportForm = () => {
  const facts = useFacts();
  const state = useStore(exportStore);
  const { source, made, error } = useExportPlan();
  const { into } = state;
  const proposed = useQuery('export.place', into === null ? {} : null);
  useEffect(() => {
    if (into === null && proposed.data !== undefined) exportStore.setState({ into: proposed.data });
  }, [into, proposed.data]);
  const start = useAction(startExport, 'here');
  const chosen = chosenFormat(source, state);
  const isGguf = source?.model.info?.isGguf === true;
  const obstacle = exportObstacle(facts, state);
  const isAskedAgain = source !== null && state.toConfirm === JSON.stringify(source.input);
  const selectedPoint = facts.selection.point;
  const name = source === null ? '' : exportName(source, state.name);
  const taskTitle = (task: string | null): string =>
    facts.tasks.find((known) => known.name === task)?.title ?? task ?? 'all ticked tasks';
  return (
    <section className="card" aria-label="Export">
      <h3>Export a plan as a smaller checkpoint</h3>
      <Segmented
        label="Source of the plan"
        value={state.point === null ? 'plan' : 'point'}
        options={[
          { value: 'plan', label: 'Plan on screen' },
          ...(selectedPoint !== null && selectedPoint.factor > 1
            ? [{ value: 'point' as const, label: 'Selected point' }]
            : []),
          ...(state.point !== null && selectedPoint === null
            ? [{ value: 'point' as const, label: 'Measured point' }]
            : []),
        ]}
        onChange={(value) => state.choosePoint(value === 'plan' ? null : (selectedPoint ?? state.point))}
      />
      {source !== null && (
        <p>
          <strong>
            {methodTitle(source.method)} {formatFactor(source.factor)}
          </strong>{' '}
          of {source.model.name},{' '}
          {source.seed !== null && (
            <>
              <Definition of="seeds">draw</Definition> with seed {source.seed},{' '}
            </>
          )}
          {source.call === 'plan.import' ? `from ${source.input.name}` : `made for ${taskTitle(source.task)}`}.
        </p>
      )}
      {error?.code === 'profile-missing' && <ProfileNow error={error} />}
      {error !== null && error.code !== 'profile-missing' && (
        <Problem error={{ ...error, message: inTaskTitles(error.message, facts.tasks) }} />
      )}
      {made !== undefined && source !== null && source.model.info !== null && (
        <CostTable cost={made.cost} experts={source.model.info.experts} topK={source.model.info.topK} />
      )}
      {made !== undefined && made.cost.exportable.reason !== null && (
        <Problem
          error={{
            message: 'A stock Hugging Face loader cannot open this export.',
            remedy: made.cost.exportable.reason,
          }}
        />
      )}
      <div className="field-stacked export-format">
        <span className="field-label">Format</span>
        <Segmented
          label="Format of the export"
          value={chosen.format}
          options={isGguf ? storedGgufOptions : formatOptions}
          onChange={(format) => exportStore.setState({ format })}
        />
        <p className="muted">{isGguf ? STORED_GGUF_TEXT : formatText[chosen.format]}</p>
        {((chosen.format === 'gguf' && !isGguf) || chosen.format === 'hf') && (
          <span className="field-label">Type of the weights</span>
        )}
        {chosen.format === 'gguf' && !isGguf && (
          <Segmented
            label="Type of the weights"
            value={chosen.ggufType ?? ''}
            options={ggufTypeOptions}
            onChange={(type) => exportStore.setState({ ggufType: type === '' ? null : type })}
          />
        )}
        {chosen.format === 'hf' && (
          <>
            <Segmented
              label="Type of the weights"
              value={chosen.hfType ?? ''}
              options={hfTypeOptions}
              onChange={(type) => exportStore.setState({ hfType: type === '' ? null : type })}
            />
            {chosen.hfType !== null && <p className="muted">{QUANTISED_TEXT}</p>}
          </>
        )}
        {source !== null && chosenMtp(source, state) !== undefined && (
          <>
            <span className="field-label">Extra prediction layers</span>
            <Segmented
              label="Extra prediction layers"
              value={state.mtp}
              options={mtpOptions}
              onChange={(mtp) => exportStore.setState({ mtp })}
            />
            <p className="muted">{mtpText[state.mtp]}</p>
          </>
        )}
        {source !== null && canAskTransformers(source, state) && <Referee />}
        <ExportCheck
          asked={
            made === undefined || source === null || !made.cost.exportable.hf
              ? null
              : {
                  model: source.model.handle,
                  plan: made.plan,
                  format: chosen.format,
                  hfType: chosen.format === 'hf' ? (chosen.hfType ?? undefined) : undefined,
                  mtp: chosenMtp(source, state),
                }
          }
        />
      </div>
      <div className="field-stacked">
        <span className="field-label">Destination folder</span>
        <ParentFolder
          purpose="export"
          into={into}
          choose={(folder) => exportStore.setState({ into: folder })}
          disabled={!facts.connected}
        />
        {proposed.error !== null && <Problem error={proposed.error} />}
      </div>
      <NewFolderName name={name} change={(typed) => exportStore.setState({ name: typed })} />
      {made !== undefined && (
        <p className="muted">
          Will write {isRetyped(chosen) ? 'weights' : `${formatBytes(made.cost.sizeBytes)} of weights`} (
          {isGguf ? 'one file, in the types of the source' : weightsText[chosen.format]}), config, tokenizer, plan,
          model card and checksums. The folder is verified against the model before it gets its name; an existing folder
          is never overwritten.
        </p>
      )}
      {made !== undefined && source !== null && (
        <MeasuredLine asked={{ model: source.model.handle, plan: made.plan }} />
      )}
      {isAskedAgain && made !== undefined && <AskedAgain model={source.model.handle} plan={made.plan} />}
      {start.problem !== null && <Problem error={start.problem} />}
      <div className="sweep-start">
        <p className="muted">{obstacle ?? ''}</p>
        <Button look="primary" icon="save" onClick={start.perform} disabled={!start.enabled || made === undefined}>
          {isAskedAgain ? 'Export all the same' : 'Export and verify'}
        </Button>
      </div>
    </section>
  );
};
