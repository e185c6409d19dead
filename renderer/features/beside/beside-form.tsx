import { useId, useState } from 'react';
import { useStore } from 'zustand';
import type { ModelEntry } from '../../../main/contract/model.ts';
import type { Plan } from '../../../main/contract/plan.ts';
import type { RunManifest } from '../../../main/contract/run.ts';
import { methodTitle } from '../../../main/words/methods.ts';
import { formatFactor } from '../../../main/words/numbers.ts';
import { ProfileNow } from '../../actions/action-button.tsx';
import { Button, IconButton } from '../../components/button.tsx';
import { Select } from '../../components/choices.tsx';
import { Definition } from '../../components/definition.tsx';
import { NumberField, wholeFrom } from '../../components/number-input.tsx';
import { Problem } from '../../components/problem.tsx';
import { useQuery, useRequest } from '../../engine/engine-context.tsx';
import { inputKey } from '../../engine/query-cache.ts';
import { focusedTask, useFacts } from '../../engine/facts.ts';
import { inTaskTitles } from '../../../main/words/task-titles.ts';
import { chatOf, ChatSwitch } from '../../plan/chat.tsx';
import { shownImport } from '../../plan/plan-input.ts';
import { useCurrentPlan } from '../../plan/use-current-plan.ts';
import { besideStore, type NamedPlan } from '../../state/view-stores.ts';
import { selectionStore } from '../../state/selection-store.ts';
import { isAtRest } from '../../format/run-names.ts';

/** Items of a task to choose a prompt from. */
const ITEMS = 100;
/** Characters of an item in the list. */
const SHOWN_CHARACTERS = 60;
/** As the contract bounds it. */
const MOST_NEW_TOKENS = 4096;

const nameOf = ({ method, factor, seed = 0 }: Plan, file: string | null): string => {
  if (file !== null) return file;
  const drawn = seed === 0 ? '' : ` seed ${String(seed)}`;
  return `${methodTitle(method ?? 'plan')}${drawn}${factor === undefined ? '' : ` ${formatFactor(factor)}`}`;
};

/** The plan on the right under its name. */
const useNamedPlan = (model: ModelEntry): NamedPlan | null => {
  const facts = useFacts();
  const imported = shownImport(facts);
  const { made } = useCurrentPlan();
  return made === undefined
    ? null
    : { model: model.handle, name: nameOf(made.plan, imported?.name ?? null), plan: made.plan };
};

/** Puts an item of the task in focus into the prompt. */
const ItemSelect = () => {
  const task = focusedTask(useFacts());
  const input =
    task === null || task.error !== null
      ? null
      : { handle: task.handle, split: 'test' as const, count: Math.min(ITEMS, Math.max(1, task.items.test)) };
  const items = useQuery('tasks.preview', input).data ?? [];
  if (task === null || items.length === 0) return null;
  return (
    <Select
      label={`Item of ${task.title}`}
      value=""
      options={[
        { value: '', label: 'Take one…' },
        ...items.map(({ id, context }, index) => ({
          value: id,
          label: `${String(index + 1)}: ${context.replaceAll(/\s+/g, ' ').trim().slice(0, SHOWN_CHARACTERS)}`,
        })),
      ]}
      onChange={(chosen) => {
        const item = items.find(({ id }) => id === chosen);
        if (item !== undefined) besideStore.setState({ prompt: item.context });
      }}
    />
  );
};

/** The prompt, the plans that write, and the button that starts them. */
export const BesideForm = ({ model, run }: { readonly model: ModelEntry; readonly run: RunManifest | null }) => {
  const { prompt, maxNewTokens, second } = useStore(besideStore);
  const current = useNamedPlan(model);
  const { isCurrent, error } = useCurrentPlan();
  const { tasks, selection } = useFacts();
  const { busy, problem, start } = useRequest('here');
  const id = useId();
  const isAtWork = run !== null && !isAtRest(run);
  const kept = second?.model === model.handle ? second : null;
  const isKept = kept !== null && inputKey(kept.plan) === inputKey(current?.plan);
  const plans = [current, isKept ? null : kept].flatMap((each) =>
    each === null ? [] : [{ name: each.name, plan: each.plan }],
  );
  const canWrite = current !== null && isCurrent && prompt !== '' && !busy && !isAtWork;
  const write = (): void =>
    start(async ({ bridge }) => {
      const asked = { model: model.handle, prompt, chat: chatOf([model], selection.plan.chat), maxNewTokens, plans };
      const started = await bridge.call('beside.start', asked);
      selectionStore.getState().complete({ beside: started.run });
    });
  return (
    <form
      className="stack beside-form"
      aria-label="Prompt and plans"
      onSubmit={(event) => {
        event.preventDefault();
        const isRefused = event.currentTarget.querySelector('[aria-invalid="true"]') !== null;
        if (canWrite && !isRefused) write();
      }}
    >
      <div className="stack stack-tight beside-prompt">
        <label htmlFor={id} className="field-label">
          Prompt
        </label>
        <textarea
          id={id}
          className="input"
          rows={4}
          spellCheck={false}
          value={prompt}
          onChange={({ target }) => besideStore.setState({ prompt: target.value })}
          onKeyDown={(event) => {
            if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
            // Elsewhere in the window the same keys start a sweep.
            event.preventDefault();
            event.stopPropagation();
            if (canWrite) write();
          }}
        />
      </div>
      <div className="line beside-row">
        <ItemSelect />
        <NumberField
          label={<Definition of="newTokens">New tokens</Definition>}
          className="input-number"
          min={1}
          max={MOST_NEW_TOKENS}
          value={maxNewTokens}
          accepts={wholeFrom(1, MOST_NEW_TOKENS)}
          onChange={(count) => {
            if (count !== null) besideStore.setState({ maxNewTokens: count });
          }}
        />
        <ChatSwitch models={[model]} short />
      </div>
      <div className="line beside-row">
        <span className="line">
          <span className="field-label">Plans</span>
          <span className="beside-plan">{current?.name ?? 'none yet'}</span>
          {kept !== null && (
            <span className="beside-plan">
              {kept.name}
              <IconButton
                icon="close"
                label={`Remove ${kept.name}`}
                onClick={() => besideStore.setState({ second: null })}
              />
            </span>
          )}
          {kept === null && (
            <Button
              look="quiet"
              icon="plus"
              disabled={!isCurrent}
              onClick={() => besideStore.setState({ second: current })}
            >
              Keep for a second text
            </Button>
          )}
        </span>
        <span className="line beside-start">
          {isAtWork && <StopButton key={run.id} run={run} />}
          {current !== null && prompt === '' && <span className="muted">Type a prompt, or take an item.</span>}
          <Button type="submit" look="primary" icon="play" disabled={!canWrite}>
            Write
          </Button>
        </span>
      </div>
      {current === null &&
        error !== null &&
        (error.code === 'profile-missing' ? (
          <ProfileNow error={error} />
        ) : (
          <Problem error={{ ...error, message: inTaskTitles(error.message, tasks) }} />
        ))}
      {problem !== null && <Problem error={problem} />}
    </form>
  );
};

/** Ends the writing after the next token and keeps the text so far; a second press ends it at once, without it. */
const StopButton = ({ run }: { readonly run: RunManifest }) => {
  const { start } = useRequest();
  const [isAsked, setAsked] = useState(false);
  return (
    <Button
      icon="stop"
      onClick={() => {
        start(({ bridge }) => bridge.call(isAsked ? 'jobs.cancel' : 'beside.stop', { run: run.id }));
        setAsked(true);
      }}
    >
      {isAsked ? 'Stop now' : 'Stop'}
    </Button>
  );
};
