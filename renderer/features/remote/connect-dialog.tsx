import { useEffect, useState } from 'react';
import { useStore } from 'zustand';
import { assertNever, serialiseError, type SerialisedError } from '../../../main/contract/errors.ts';
import { remoteHost, type RemoteStep, remoteStep, type SshQuestion } from '../../../main/contract/remote.ts';
import type { Remote } from '../../bridge/bridge.ts';
import { Button, Icon, RequestButton } from '../../components/button.tsx';
import { copyText } from '../../components/copy-text.ts';
import { Dialog } from '../../components/dialog.tsx';
import { Problem } from '../../components/problem.tsx';
import { useEngine, useRequest } from '../../engine/engine-context.tsx';
import { docsStore } from '../../state/dialog-stores.ts';
import { remoteStore } from '../../state/remote-store.ts';
import './connect-dialog.css';

/** Asks for a machine and shows the connection being made; above it, or alone after a cut, what ssh asks. */
export const ConnectDialog = () => {
  const { open, questions } = useStore(remoteStore);
  const close = (): void => remoteStore.setState({ open: false });
  const remote = useEngine().bridge.shell?.remote ?? null;
  useEffect(() => remote?.onEvent(remoteStore.getState().hear), [remote]);
  const [question] = questions;
  return (
    <>
      {open && (remote === null ? <InTerminal onClose={close} /> : <Connect remote={remote} onClose={close} />)}
      {question !== undefined && remote !== null && <Question key={question.id} question={question} remote={remote} />}
    </>
  );
};

const COMMAND = 'uncurl connect [USER@]HOST --open';

/** A page in a browser belongs to the engine that served it: another one is opened from a terminal. */
const InTerminal = ({ onClose }: { readonly onClose: () => void }) => (
  <Dialog title="Connect to another machine" onClose={onClose}>
    <div className="dialog-body">
      <p>
        This page belongs to the engine that served it. For the workbench of another machine, type on the machine in
        front of you:
      </p>
      <code className="connect-command">{COMMAND}</code>
      <div className="card-actions">
        <RequestButton look="primary" data-autofocus ask={() => copyText('The command', COMMAND)}>
          Copy the command
        </RequestButton>
        <HowTo onClose={onClose} />
      </div>
    </div>
  </Dialog>
);

const HowTo = ({ onClose }: { readonly onClose: () => void }) => (
  <Button
    onClick={() => {
      onClose();
      docsStore.getState().show('other-machine');
    }}
  >
    A card elsewhere: how it works
  </Button>
);

const Connect = ({ remote, onClose }: { readonly remote: Remote; readonly onClose: () => void }) => {
  const { hosts, step } = useStore(remoteStore);
  const [host, setHost] = useState(hosts[0] ?? '');
  const [problem, setProblem] = useState<SerialisedError | null>(null);
  const { busy, start } = useRequest();
  const isBusy = step !== null;
  const connect = (to: string): void => {
    setProblem(null);
    remoteStore.setState({ step: 'reach' });
    remote
      .connect(to)
      // The page is loaded anew on the other engine.
      .then(() => remoteStore.getState().remember(to))
      .catch((error: unknown) => {
        remoteStore.setState({ step: null });
        const failed = serialiseError(error);
        if (failed.kind !== 'cancelled') setProblem(failed);
      });
  };
  const cancel = (): void => start(() => remote.cancel());
  const typed = host.trim();
  return (
    <Dialog title="Connect to another machine" onClose={isBusy ? cancel : onClose}>
      <form
        className="dialog-body"
        onSubmit={(event) => {
          event.preventDefault();
          if (!isBusy && remoteHost.safeParse(typed).success) connect(typed);
        }}
      >
        <label className="stack">
          <span className="field-label">Machine, as you name it to ssh</span>
          <input
            className="input"
            data-autofocus
            spellCheck={false}
            autoComplete="off"
            placeholder="[USER@]HOST"
            value={host}
            disabled={isBusy}
            onChange={(event) => setHost(event.target.value)}
          />
        </label>
        {!isBusy && hosts.length > 0 && (
          <div className="line" role="group" aria-label="Machines that were reached before">
            {hosts.map((known) => (
              <Button key={known} small onClick={() => setHost(known)}>
                {known}
              </Button>
            ))}
          </div>
        )}
        {isBusy ? (
          <Steps now={step} host={typed} />
        ) : (
          <p className="muted">
            Your own ssh is used, with its configuration, keys and agent. The engine there is found or started; it and
            its runs go on when this window closes.
          </p>
        )}
        {problem !== null && <Problem error={problem} />}
        <div className="card-actions">
          {isBusy ? (
            <Button icon="stop" disabled={busy} onClick={cancel}>
              Cancel
            </Button>
          ) : (
            <>
              <Button look="primary" type="submit" disabled={!remoteHost.safeParse(typed).success}>
                Connect
              </Button>
              <HowTo onClose={onClose} />
            </>
          )}
        </div>
      </form>
    </Dialog>
  );
};

const stepText = (step: RemoteStep, host: string): string => {
  switch (step) {
    case 'reach':
      return `Reach ${host} by ssh`;
    case 'find':
      return 'Find the engine there, or start it';
    case 'forward':
      return 'Forward a port of this machine to it';
    case 'open':
      return 'Open the window on it';
    default:
      return assertNever(step);
  }
};

const Steps = ({ now, host }: { readonly now: RemoteStep; readonly host: string }) => {
  const at = remoteStep.options.indexOf(now);
  return (
    <ol className="rows stack muted connect-steps" aria-label="Steps of the connection">
      {remoteStep.options.map((step, index) => (
        <li key={step} aria-current={index === at ? 'step' : undefined}>
          <span className="connect-mark">
            {index < at ? <Icon name="check" size={14} /> : index === at && <span className="connect-now" />}
          </span>
          {stepText(step, host)}
        </li>
      ))}
    </ol>
  );
};

/** A question of ssh. The answer goes to ssh alone, and stays in this field until then. */
const Question = ({ question, remote }: { readonly question: SshQuestion; readonly remote: Remote }) => {
  const { id, kind, text } = question;
  const [typed, setTyped] = useState('');
  const { busy, start } = useRequest();
  const answer = (given: string | null): void => start(() => remote.answer(id, given));
  return (
    <Dialog title="ssh asks" onClose={() => answer(null)}>
      <form
        className="dialog-body"
        onSubmit={(event) => {
          event.preventDefault();
          if (kind === 'secret') answer(typed);
        }}
      >
        <p className="connect-question">{text}</p>
        {kind === 'secret' && (
          <input
            className="input"
            type="password"
            autoComplete="off"
            data-autofocus
            aria-label={text}
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
          />
        )}
        {kind === 'yes-no' && (
          <p className="muted">
            Compare the fingerprint with one that you have from the machine itself. A yes is kept by ssh.
          </p>
        )}
        <div className="card-actions">
          {kind === 'secret' && (
            <Button look="primary" type="submit" disabled={busy}>
              Answer
            </Button>
          )}
          {kind === 'yes-no' && (
            <>
              <Button disabled={busy} data-autofocus onClick={() => answer('no')}>
                No
              </Button>
              <Button look="primary" disabled={busy} onClick={() => answer('yes')}>
                Yes, it is this machine
              </Button>
            </>
          )}
          {kind !== 'yes-no' && (
            <Button disabled={busy} onClick={() => answer(null)}>
              Cancel
            </Button>
          )}
        </div>
      </form>
    </Dialog>
  );
};
