import { useStore } from 'zustand';
import type { CallInput } from '../../../main/contract/calls.ts';
import { refuse, serialiseError, type SerialisedError } from '../../../main/contract/errors.ts';
import type { Canaries, FitFormat, FitLimit } from '../../../main/contract/fit.ts';
import type { ModelEntry } from '../../../main/contract/model.ts';
import type { RunManifest } from '../../../main/contract/run.ts';
import { requireCanaries } from '../../../main/evaluation/canaries.ts';
import { CARD_PRESETS, limitOf, predictionWords } from '../../../main/words/fit.ts';
import { counted, formatBytes } from '../../../main/words/numbers.ts';
import { Button } from '../../components/button.tsx';
import { Checkbox, Field, Segmented, Select, TextField } from '../../components/choices.tsx';
import { TypedNumber } from '../../components/number-input.tsx';
import { Disclosure } from '../../components/panel.tsx';
import { Problem } from '../../components/problem.tsx';
import { shareOfPoints } from '../../components/setting-field.tsx';
import { useQuery, useRequest } from '../../engine/engine-context.tsx';
import { focusedTask, tickedTasks, useFacts } from '../../engine/facts.ts';
import { useDebounced } from '../../engine/use-settled.ts';
import { chatOf, ChatSwitch } from '../../plan/chat.tsx';
import { type CanarySource, fitStore, type PlaceKind } from '../../state/model-forms.ts';
import { isAtRest } from '../../format/run-names.ts';

/** Wait after the last key before the engine is asked what a search would do. */
const SETTLE_MS = 400;

const placeOptions = [
  { value: 'bytes', label: 'Bytes of files' },
  { value: 'memory', label: 'Memory' },
  { value: 'card', label: 'Card' },
] as const;

const formatOptions = (isGguf: boolean): readonly { readonly value: FitFormat; readonly label: string }[] =>
  isGguf
    ? [{ value: 'gguf', label: 'GGUF' }]
    : [
        { value: 'hf', label: 'Folder' },
        { value: 'gguf', label: 'GGUF' },
        { value: 'onnx', label: 'ONNX' },
        { value: 'plan', label: 'Plan for the workbench' },
      ];

/** An example of a size: half of what the model takes, or a common card. */
const sizeHint = (place: PlaceKind, { info }: ModelEntry): string =>
  place === 'card' || info === null ? '24 GB' : formatBytes(info.sizeBytes / 2);

const choose = fitStore.setState;

/** The typed place, or what is wrong with it; both null while nothing is typed. */
const usePlace = (): { readonly limit: FitLimit | null; readonly problem: SerialisedError | null } => {
  const { place, size, context } = useStore(fitStore);
  if (size.trim() === '') return { limit: null, problem: null };
  try {
    const besides = place === 'bytes' ? {} : { context };
    return { limit: limitOf({ [place]: size, ...besides }), problem: null };
  } catch (error) {
    return { limit: null, problem: serialiseError(error) };
  }
};

const isLoss = (points: number | null): boolean => points !== null && points >= 0.05 && points <= 50;
const isTime = (minutes: number | null): boolean => minutes !== null && minutes > 0 && minutes <= 100_000;

/** What is wrong with a typed number; the field keeps it, and nothing is started with another one. */
const wrongNumber = (points: number, minutes: number): SerialisedError | null => {
  if (!isLoss(points))
    return serialiseError(refuse('bad-value', 'The loss is a number of points.', 'Give 0.05 to 50 points.'));
  if (!isTime(minutes))
    return serialiseError(refuse('bad-value', 'The time is a number of minutes.', 'Give more than 0, to 100 000.'));
  return null;
};

const canaryOptions: readonly { readonly value: CanarySource; readonly label: string }[] = [
  { value: 'none', label: 'None' },
  { value: 'ours', label: 'Of the workbench' },
  { value: 'own', label: 'Own lines' },
];

/** The chosen canaries, or what is wrong with own lines; both absent while none are wanted. */
const useCanaries = (): { readonly canaries?: Canaries; readonly problem: SerialisedError | null } => {
  const { canaries: source, canaryLines } = useStore(fitStore);
  if (source === 'none') return { problem: null };
  if (source === 'ours') return { canaries: { source }, problem: null };
  try {
    return { canaries: requireCanaries({ source, name: 'lines', lines: canaryLines.split('\n') }), problem: null };
  } catch (error) {
    return { problem: serialiseError(error) };
  }
};

const CanaryLines = () => {
  const canaryLines = useStore(fitStore, (state) => state.canaryLines);
  return (
    <Field label="One a line: a text, or a context, a tab and its answer" stacked>
      {(id) => (
        <textarea
          id={id}
          className="input"
          rows={4}
          spellCheck={false}
          value={canaryLines}
          onChange={({ target }) => choose({ canaryLines: target.value })}
        />
      )}
    </Field>
  );
};

/** What the model has to fit into, what it must do, and how long the search may take. */
export const FitForm = ({ model, run }: { readonly model: ModelEntry; readonly run: RunManifest | null }) => {
  const facts = useFacts();
  const { place, size, context, format, minutes, points, canaries: source, showRun, ...rest } = useStore(fitStore);
  const { canaries, problem: wrongLines } = useCanaries();
  const task = focusedTask(facts);
  const others = tickedTasks(facts).filter(({ handle }) => handle !== task?.handle);
  const { limit, problem: wrong } = usePlace();
  const wrongTyped = wrongNumber(points, minutes);
  const { busy, problem, start } = useRequest('here');
  const hint = sizeHint(place, model);
  const isGguf = model.info?.isGguf === true;
  const formats = formatOptions(isGguf);
  const chosen = formats.find(({ value }) => value === format) ?? formats[0];
  // A GGUF file is exported with its stored types.
  const canVary = chosen?.value === 'gguf' && !isGguf;
  const request: CallInput<'fit.start'> | null =
    limit === null || task === null || chosen === undefined || wrongLines !== null || wrongTyped !== null
      ? null
      : {
          model: model.handle,
          task: task.handle,
          elsewhere: rest.elsewhere ? others.map(({ handle }) => handle) : [],
          limit,
          format: chosen.value,
          minutes,
          delta: shareOfPoints(points),
          chat: chatOf([model], facts.selection.plan.chat),
          typesByLayer: rest.byLayer && canVary ? true : undefined,
          canaries,
        };
  const settled = useDebounced(request, SETTLE_MS);
  const { data: prediction, error } = useQuery('fit.predict', settled);
  const isAtWork = run !== null && !isAtRest(run);
  const canStart = request !== null && error === null && !busy && !isAtWork;
  return (
    <form
      className="card fit-form"
      aria-label="The best model that fits"
      // Fields mark what they do not accept themselves; a browser would also refuse numbers between two steps.
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (!canStart) return;
        start(async ({ bridge }) => {
          const started = await bridge.call('fit.start', request);
          showRun(started.run);
        });
      }}
    >
      <fieldset className="stack fit-part">
        <legend>What do you have?</legend>
        <Segmented
          label="Kind of place"
          value={place}
          options={placeOptions}
          onChange={(value) => choose({ place: value })}
        />
        {place === 'card' && (
          <Segmented
            label="Memory of the card"
            value={size}
            options={CARD_PRESETS.map((value) => ({ value, label: value }))}
            onChange={(value) => choose({ size: value })}
          />
        )}
        <TextField
          label={place === 'card' ? 'Or its memory' : 'At most'}
          spellCheck={false}
          placeholder={hint}
          value={size}
          aria-invalid={wrong !== null}
          onChange={(text) => choose({ size: text })}
        />
        {place !== 'bytes' && (
          <TextField
            label="Context (tokens)"
            spellCheck={false}
            value={context}
            onChange={(text) => choose({ context: text })}
          />
        )}
        <Select
          label="Format"
          stacked
          value={chosen?.value ?? 'hf'}
          options={formats}
          onChange={(value) => choose({ format: value })}
        />
      </fieldset>
      <fieldset className="stack fit-part">
        <legend>What must it do?</legend>
        <p>{task === null ? 'Choose a task first.' : <strong>{task.title}</strong>}</p>
        <TypedNumber
          label="It may lose (points)"
          stacked
          min={0.5}
          max={50}
          step={0.5}
          value={points}
          accepts={isLoss}
          onType={(value) => choose({ points: value })}
        />
        <Disclosure summary="More">
          <ChatSwitch models={[model]} short />
          {others.length > 0 && (
            <Checkbox checked={rest.elsewhere} onChange={(elsewhere) => choose({ elsewhere })}>
              After the choice, try {counted(others.length, 'other ticked task')} too
            </Checkbox>
          )}
          {canVary && (
            <Checkbox checked={rest.byLayer} onChange={(byLayer) => choose({ byLayer })}>
              Try fewer bits for experts of layers that matter less
            </Checkbox>
          )}
          <Select
            label="Canaries"
            stacked
            value={source}
            options={canaryOptions}
            onChange={(value) => choose({ canaries: value })}
          />
          {source === 'own' && <CanaryLines />}
        </Disclosure>
      </fieldset>
      <fieldset className="stack fit-part">
        <legend>How long may it take?</legend>
        <TypedNumber
          label="Minutes"
          stacked
          min={1}
          value={minutes}
          accepts={isTime}
          onType={(value) => choose({ minutes: value })}
        />
        <Button type="submit" look="primary" icon="play" disabled={!canStart}>
          Find it
        </Button>
      </fieldset>
      <div className="stack stack-tight fit-said" role="status">
        {limit === null && wrong === null && <p className="muted">Name a size, such as {hint}.</p>}
        {prediction !== undefined &&
          error === null &&
          predictionWords(prediction).map((sentence) => (
            <p key={sentence} className="muted">
              {sentence}
            </p>
          ))}
      </div>
      {wrong !== null && <Problem error={wrong} />}
      {wrongTyped !== null && <Problem error={wrongTyped} />}
      {wrongLines !== null && <Problem error={wrongLines} />}
      {error !== null && <Problem error={error} />}
      {problem !== null && <Problem error={problem} />}
    </form>
  );
};
