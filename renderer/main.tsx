import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { z } from 'zod';
import { present, serialiseError } from '../main/contract/errors.ts';
import { App } from './app/app.tsx';
import { connectBrowser } from './bridge/browser.ts';
import { connectWindow } from './bridge/window.ts';
import { Button } from './components/button.tsx';
import { ErrorBoundary, Problem } from './components/problem.tsx';
import { engineOn, readingWaits } from './engine/waits.ts';
import { remoteStore } from './state/remote-store.ts';
import { followTheme } from './state/theme.ts';
import './app/tokens.css';
import './app/base.css';
import './app/controls.css';
import './app/layout.css';

// The page's content security policy forbids code from strings, which zod would otherwise try to use.
z.config({ jitless: true });

/** Shown if the page cannot connect to an engine at all. */
const StartFailure = ({ error }: { readonly error: unknown }) => (
  <main className="start-failure">
    <h1>Uncurl Workbench could not start</h1>
    <Problem error={serialiseError(error)} />
    <Button look="primary" onClick={() => window.location.reload()}>
      Try again
    </Button>
  </main>
);

const element = present(document.getElementById('root'), 'index.html has no element #root');
const root = createRoot(element);
followTheme();

try {
  const bridge = await (window.uncurlShell === undefined ? connectBrowser() : connectWindow(window.uncurlShell));
  const engine = engineOn(bridge, readingWaits);
  const { host = null, questions = [] } = bridge.shell?.remote ?? {};
  remoteStore.setState({ host, questions });
  root.render(
    <StrictMode>
      <ErrorBoundary>
        <App engine={engine} />
      </ErrorBoundary>
    </StrictMode>,
  );
} catch (error) {
  root.render(<StartFailure error={error} />);
}
