import { assertNever } from '../../main/contract/errors.ts';
import type { AnswerChange, ItemAnswers, ShownAnswer } from '../../main/contract/outcomes.ts';
import { textDifference } from '../../main/evaluation/item-answers.ts';
import { formatCount, formatFixed } from '../../main/words/numbers.ts';
import { endingWords } from '../../main/words/verdicts.ts';
import { Icon } from '../components/button.tsx';
import './item-answer.css';
import { FactList, plainFact } from '../components/data-table.tsx';

const changeWords: Readonly<Record<AnswerChange, string>> = {
  lost: 'lost: right only without pruning',
  gained: 'gained: right only with pruning',
  same: 'same',
};

interface ItemAnswerProps {
  readonly answers: ItemAnswers;
  /** What the two models are called; by default the unpruned and the pruned one. */
  readonly names?: readonly [first: string, second: string];
}

/** One item: the question, the right answer, and the answers of the two models. */
export const ItemAnswer = ({ answers, names }: ItemAnswerProps) => {
  const [first, second] = names ?? ['Unpruned', 'Pruned'];
  const { item, asked, unpruned, candidate, change, truncatedTokens } = answers;
  return (
    <li className={`outcome outcome-${change}`}>
      <div className="outcome-asked">
        <span className="muted">
          {item}, {names === undefined ? changeWords[change] : change}
          {truncatedTokens > 0 && `, ${formatCount(truncatedTokens)} tokens of its context cut`}
        </span>
        {asked !== null && <pre>{asked.context}</pre>}
      </div>
      <FactList
        className=""
        facts={[
          plainFact('Right', asked !== null && asked.right.length > 0 ? <code>{asked.right.join(' or ')}</code> : null),
          plainFact(first, <Answer answer={unpruned} other={candidate} asked={asked} />),
          plainFact(second, <Answer answer={candidate} other={unpruned} asked={asked} />),
        ]}
      />
    </li>
  );
};

interface AnswerProps {
  readonly answer: ShownAnswer;
  readonly other: ShownAnswer;
  readonly asked: ItemAnswers['asked'];
}

const Answer = ({ answer, other, asked }: AnswerProps) => (
  <>
    {answer.isRight !== null && (
      <>
        <Icon name={answer.isRight ? 'check' : 'close'} size={12} />
        <span className="visually-hidden">{answer.isRight ? 'right: ' : 'wrong: '}</span>
      </>
    )}
    <AnswerText answer={answer} other={other} asked={asked} />
  </>
);

const AnswerText = ({ answer, other, asked }: AnswerProps) => {
  switch (answer.kind) {
    case 'written':
      return (
        <>
          <MarkedText
            text={answer.text.slice(0, answer.loop?.character)}
            other={(other.kind === 'written' ? other.text : answer.text).slice(0, answer.loop?.character)}
          />
          {answer.loop !== undefined && (
            <span className="outcome-loop">{answer.text.slice(answer.loop.character)}</span>
          )}
          {answer.filtered !== null && (
            <span className="muted">
              read as <code>{answer.filtered}</code>
            </span>
          )}
          {answer.stopped === 'length' && <span className="muted">{endingWords(answer)}</span>}
        </>
      );
    case 'choice':
      return (
        <>
          {other.kind === 'choice' && other.chosen !== answer.chosen ? (
            <mark>{choiceName(answer.chosen, asked)}</mark>
          ) : (
            <code>{choiceName(answer.chosen, asked)}</code>
          )}
          <ol className="rows outcome-logprobs" aria-label="Log-probability of each choice">
            {answer.logprobs.map((logprob, choice) => (
              <li key={choice} className={choice === answer.chosen ? 'outcome-chosen' : undefined}>
                {choiceName(choice, asked)} {formatFixed(logprob, 3)}
              </li>
            ))}
          </ol>
        </>
      );
    case 'text':
      return (
        <span>
          log-likelihood {formatFixed(answer.logprob, 4)} over {formatCount(answer.tokens)} tokens
        </span>
      );
    default:
      return assertNever(answer);
  }
};

const choiceName = (choice: number, asked: ItemAnswers['asked']): string =>
  asked?.choices[choice]?.trim() ?? `choice ${String(choice + 1)}`;

/** A text with its differences from another one marked; an empty text is stated as such. */
export const MarkedText = ({ text, other }: { readonly text: string; readonly other: string }) => {
  const [{ before, changed, after }] = textDifference(text, other);
  if (text === '') return <span className="muted">nothing</span>;
  return (
    <code>
      {before}
      {changed !== '' && <mark>{changed}</mark>}
      {after}
    </code>
  );
};
