import { ExportForm } from './export-form.tsx';
import { ExportOutcome } from './export-outcome.tsx';
import { VerifyForm } from './verify-form.tsx';
import './export.css';

export const ExportView = () => (
  <div className="export-view">
    <div className="view-body export-columns">
      <div className="export-forms">
        <ExportForm />
        <VerifyForm />
      </div>
      <ExportOutcome />
    </div>
  </div>
);
