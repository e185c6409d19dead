import { useStore } from 'zustand';
import type { ModelEntry } from '../../main/contract/model.ts';
import { Checkbox } from '../components/choices.tsx';
import { Definition } from '../components/definition.tsx';
import { selectionStore } from '../state/selection-store.ts';

export const withChatTemplate = (models: readonly ModelEntry[]): readonly ModelEntry[] =>
  models.filter(({ info }) => info?.chatTemplate !== undefined);

/** Value of `chat` in a request: true if switched on and a model has a template; else undefined. */
export const chatOf = (models: readonly ModelEntry[], chat: boolean): true | undefined =>
  chat && withChatTemplate(models).length > 0 ? true : undefined;

/** The same for a model and the switch of the plan. */
export const useChatOf = (model: ModelEntry | null): true | undefined => {
  const chat = useStore(selectionStore, ({ plan }) => plan.chat);
  return chatOf(model === null ? [] : [model], chat);
};

interface ChatSwitchProps {
  readonly models: readonly ModelEntry[];
  /** Without the explanation, for the head of a view. */
  readonly short?: boolean;
}

/** Switch for using the models' own chat templates; nothing if no model has one. */
export const ChatSwitch = ({ models, short = false }: ChatSwitchProps) => {
  const chat = useStore(selectionStore, ({ plan }) => plan.chat);
  const templated = withChatTemplate(models);
  const [first] = templated;
  if (first === undefined) return null;
  const label = short && !chat ? 'Chat template (not applied)' : 'Chat template';
  return (
    <div className="stack stack-tight chat-switch">
      <Checkbox checked={chat} onChange={(applied) => selectionStore.getState().choosePlan({ chat: applied })}>
        <Definition of="chatTemplate">{label}</Definition>
      </Checkbox>
      {!short && <p className="muted">{chat ? appliedText : unusedText(templated, first)}</p>}
    </div>
  );
};

const appliedText =
  'Prompts use it, with few-shot examples as turns. Profiles and results are kept apart from those of plain text.';

const unusedText = (templated: readonly ModelEntry[], first: ModelEntry): string =>
  templated.length === 1
    ? `${first.name} has a chat template (${first.info?.chatTemplate ?? ''}) that is not applied: prompts are ` +
      'plain text.'
    : `${templated.map(({ name }) => name).join(', ')} have chat templates that are not applied: prompts are ` +
      'plain text.';
