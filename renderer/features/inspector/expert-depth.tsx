import {
  type ExpertDocument,
  type ExpertTokens,
  FEW_SAMPLED,
  type TakenToken,
} from '../../../main/contract/profile.ts';
import type { ModelEntry } from '../../../main/contract/model.ts';
import type { TaskEntry } from '../../../main/contract/task.ts';
import { formatCount, formatFixed, formatPercent } from '../../../main/words/numbers.ts';
import { maxOf } from '../../../main/statistics/extremes.ts';
import { startProfile } from '../../actions/jobs.ts';
import { RequestButton } from '../../components/button.tsx';
import { Definition } from '../../components/definition.tsx';
import { Problem } from '../../components/problem.tsx';
import { useQuery } from '../../engine/engine-context.tsx';
import { focusedTask, useFacts } from '../../engine/facts.ts';
import { isSameTask, profiledOnce } from '../../format/task-pairs.ts';
import { useChatOf } from '../../plan/chat.tsx';
import { useProfiles } from '../../profile/use-profiles.ts';
import { selectionStore } from '../../state/selection-store.ts';
import { ChosenTogether, ExpertBars, ExpertsAlike } from './expert-others.tsx';
import { useState } from 'react';
import { Segmented } from '../../components/choices.tsx';
import { type ExpertPosition } from '../../state/selection.ts';

type Weighing = 'byCount' | 'byGate' | 'bySurprise';

const weighings: readonly { readonly value: Weighing; readonly label: string }[] = [
  { value: 'byCount', label: 'Most often' },
  { value: 'byGate', label: 'By gate' },
  { value: 'bySurprise', label: 'By surprise' },
];

const valueText = (weighing: Weighing, { taken, of, gate, surprise }: TakenToken): string =>
  ({
    byCount: `${formatCount(taken)} of ${formatCount(of)}`,
    byGate: formatFixed(gate, 1),
    bySurprise: formatFixed(surprise, 1),
  })[weighing];

const weightOf = (weighing: Weighing, { taken, gate, surprise }: TakenToken): number =>
  ({ byCount: taken, byGate: gate, bySurprise: surprise })[weighing];

const share = ({ taken, of }: { readonly taken: number; readonly of: number }): number => (of > 0 ? taken / of : 0);

const positionText = ({ from, to }: ExpertTokens['positions'][number]): string =>
  from === to ? String(from) : `${formatCount(from)}–${formatCount(to)}`;

interface ExpertTakesProps {
  readonly takes: NonNullable<ExpertDocument['takes']>;
  /** Number of tokens of the profile. */
  readonly tokens: number;
}

/** Tokens that an expert takes: the tokens with their contexts, classes and positions. */
export const ExpertTakes = ({ takes, tokens }: ExpertTakesProps) => {
  const [weighing, weigh] = useState<Weighing>('bySurprise');
  const { sampled, taken, classes, positions } = takes;
  const listed = takes[weighing];
  const largest = listed.reduce((most, token) => Math.max(most, weightOf(weighing, token)), 0);
  const base = sampled > 0 ? taken / sampled : 0;
  const longest = maxOf([base, ...classes.map(share), ...positions.map(share), Number.EPSILON]);
  const rowsOf = (kinds: readonly { readonly name: string; readonly taken: number; readonly of: number }[]) =>
    kinds.map((kind) => ({
      key: kind.name,
      name: kind.name,
      length: share(kind) / longest,
      mark: base / longest,
      value: formatPercent(share(kind), 1),
      text:
        `${kind.name}: chosen for ${formatCount(kind.taken)} of ${formatCount(kind.of)} tokens, ` +
        `${formatPercent(share(kind), 1)}; of all tokens ${formatPercent(base, 1)}`,
    }));
  return (
    <>
      <p className="muted">
        {sampled < tokens
          ? `A sample of ${formatCount(sampled)} of ${formatCount(tokens)} tokens, drawn evenly`
          : `All ${formatCount(tokens)} tokens`}
        ; chosen for {formatCount(taken)}.
      </p>
      <Segmented label="Tokens by" value={weighing} options={weighings} onChange={weigh} />
      {listed.length === 0 && <p className="muted">None.</p>}
      <ol className="rows taken-tokens" aria-label="Tokens it takes most">
        {listed.map((token) => (
          <li key={`${String(token.token)} ${token.text}`}>
            <details>
              <summary>
                <code>{visibleText(token.text)}</code>
                <span className="expert-bars-track" aria-hidden="true">
                  <span style={{ width: `${largest > 0 ? (weightOf(weighing, token) / largest) * 100 : 0}%` }} />
                </span>
                <span className="number">{valueText(weighing, token)}</span>
              </summary>
              <ul className="rows" aria-label={`Contexts in which ${visibleText(token.text)} has the largest weight`}>
                {token.contexts.map((context, index) => (
                  <li key={index}>
                    <span className="taken-context">
                      {visibleText(context.before).replace('(nothing)', '')}
                      <mark>{visibleText(context.token)}</mark>
                      {visibleText(context.behind).replace('(nothing)', '')}
                    </span>
                    <span className="number muted">{formatFixed(context.gate, 2)}</span>
                  </li>
                ))}
              </ul>
            </details>
          </li>
        ))}
      </ol>
      <h4>
        <Definition of="tokenClass">By class of token</Definition>
      </h4>
      <ExpertBars label="Share by class of token" rows={rowsOf(classes)} />
      <h4>
        <Definition of="tokenPosition">By position</Definition>
      </h4>
      <ExpertBars
        label="Share by position"
        rows={rowsOf(positions.map((position) => ({ ...position, name: positionText(position) })))}
      />
    </>
  );
};

/** A token's text with visible spaces. */
export const visibleText = (text: string): string =>
  text === ''
    ? '(nothing)'
    : text.replaceAll(' ', '\u2423').replaceAll('\n', '\u23ce').replaceAll('\t', '\u21e5').replaceAll('\r', '\u240d');

interface ExpertDepthProps extends ExpertPosition {
  readonly model: ModelEntry;
  readonly task: TaskEntry;
}

/** Details of one expert in a profile: its tokens, the experts chosen with it, and similar experts. */
export const ExpertDepth = ({ model, task, layer, expert }: ExpertDepthProps) => {
  const chat = useChatOf(model);
  const { data, error } = useQuery('expert.read', { model: model.handle, task: task.handle, layer, expert, chat });
  const subject = { model: model.handle, task: task.handle, layer, expert, chat };
  if (error !== null) return <Problem error={error} />;
  const found = data?.found ?? null;
  if (found === null) return null;
  return (
    <>
      <section className="stack expert-part" aria-label="Tokens it takes">
        <h3>
          <Definition of="takenTokens" />
        </h3>
        {found.takes === null ? (
          <ProfileAgain
            model={model}
            task={task}
            inspect="choices"
            lead="This profile does not say which tokens were routed where."
          />
        ) : (
          <ExpertTakes takes={found.takes} tokens={found.tokens} />
        )}
        {found.takes !== null && found.takes.sampled === FEW_SAMPLED && found.tokens > FEW_SAMPLED && (
          <ProfileAgain model={model} task={task} inspect="choices" lead="These are a few of its tokens." />
        )}
        <ByTask layer={layer} expert={expert} />
      </section>
      <ChosenTogether {...subject} found={found} />
      <ExpertsAlike
        {...subject}
        found={found}
        outputsMissing={
          <ProfileAgain model={model} task={task} inspect="every-output" lead="This profile did not compare outputs." />
        }
      />
    </>
  );
};

const missing = {
  choices:
    'Profiling again records which tokens were routed where for all tokens, or for an even sample of at most 65 536 ' +
    'tokens and 2 097 152 choices (20 MB).',
  'every-output': 'Profiling again can, by running every expert of the model on every token.',
} as const;

interface ProfileAgainProps {
  readonly model: ModelEntry;
  readonly task: TaskEntry;
  readonly inspect: keyof typeof missing;
  /** Says which statistics the profile lacks. */
  readonly lead: string;
}

/** Shown in place of data that an older profile lacks. */
const ProfileAgain = ({ model, task, inspect, lead }: ProfileAgainProps) => {
  const { jobs } = useFacts();
  const isUnderWay = jobs.some(({ kind }) => kind === 'profile');
  return (
    <>
      <p className="muted">
        {lead} {missing[inspect]}
      </p>
      <div className="line">
        <RequestButton
          disabled={isUnderWay || task.items.calibration === 0}
          ask={(engine) =>
            startProfile(engine, model, [task], {
              inspect: inspect === 'choices' ? ['choices'] : ['choices', 'every-output'],
            })
          }
        >
          {inspect === 'choices' ? 'Profile again with tokens' : 'Profile again with outputs'}
        </RequestButton>
      </div>
    </>
  );
};

/** For each profiled task, the share of tokens that choose the expert. */
const ByTask = ({ layer, expert }: ExpertPosition) => {
  const facts = useFacts();
  const { profileOf } = useProfiles();
  const focused = focusedTask(facts);
  const rows = profiledOnce(facts.tasks, profileOf).flatMap(({ task, profile }) =>
    profile.tokens === 0 ? [] : [{ task, share: (profile.counts[layer]?.[expert] ?? 0) / profile.tokens }],
  );
  if (rows.length < 2) return null;
  const longest = maxOf([Number.EPSILON, ...rows.map(({ share }) => share)]);
  return (
    <>
      <h4>
        <Definition of="share">By task</Definition>
      </h4>
      <ExpertBars
        label="Share of tokens by task"
        rows={rows.map(({ task, share }) => ({
          key: task.handle,
          name: task.title,
          length: share / longest,
          value: formatPercent(share, 1),
          text: `${task.title}: ${formatPercent(share, 2)} of its tokens`,
          onSelect: isSameTask(task, focused, facts.tasks)
            ? undefined
            : () => selectionStore.getState().focusTask(task.handle),
        }))}
      />
    </>
  );
};
