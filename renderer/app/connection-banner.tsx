import { useEngineStatus } from '../engine/engine-context.tsx';
import { Icon } from '../components/icon.tsx';

/** Says that the engine is gone and that the window is trying to get it back. */
export const ConnectionBanner = () => {
  const status = useEngineStatus();
  if (status.state === 'connected') return null;
  return (
    <div className="connection-banner" role="alert">
      <Icon name="warning" />
      <strong>Engine lost, reconnecting.</strong>
      <span>
        {status.message} {status.remedy}
      </span>
    </div>
  );
};
