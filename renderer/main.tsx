import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app/app.tsx';
import { StartFailure } from './app/start-failure.tsx';
import { applyTheme } from './app/apply-theme.ts';
import { connectBridge } from './bridge.ts';
import { QueryCache } from './engine/query-cache.ts';
import { layoutStore } from './state/layout-store.ts';
import './app/tokens.css';
import './app/base.css';
import './app/controls.css';
import './app/layout.css';

const element = document.getElementById('root');
if (element === null) throw new Error('index.html has no element #root');
const root = createRoot(element);
applyTheme(layoutStore.getState().theme);

try {
  const bridge = await connectBridge();
  const engine = { bridge, cache: new QueryCache(bridge.call) };
  root.render(
    <StrictMode>
      <App engine={engine} />
    </StrictMode>,
  );
} catch (error) {
  root.render(<StartFailure error={error} />);
}
