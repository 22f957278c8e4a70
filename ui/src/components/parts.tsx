import { Check, Copy } from 'lucide-react';
import { type ButtonHTMLAttributes, type ReactNode, useState } from 'react';
import type { Health, Status } from '../api/contract';
import { useI18n } from '../i18n';
import { attempt } from '../store/ui';

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  /** `primary`, `danger`, `quiet`, `small`, in any mixture. */
  look?: string;
}

export function Button({ look = '', className = '', type = 'button', ...rest }: ButtonProps) {
  return <button type={type} className={`button ${look} ${className}`} {...rest} />;
}

interface IconButtonProps extends ButtonProps {
  /** Its name for screen readers, and its tooltip. */
  label: string;
  children: ReactNode;
}

export function IconButton({ label, look = '', ...rest }: IconButtonProps) {
  return <Button look={`icon quiet ${look}`} aria-label={label} title={label} {...rest} />;
}

export type Option = [value: string | number, text: string];

interface ChooseProps {
  label: string;
  value: string | number;
  set: (value: string) => void;
  options: Option[];
}

/** One of several, by a word or two. */
export function Choose({ label, value, set, options }: ChooseProps) {
  return (
    <select className="input" aria-label={label} value={value} onChange={(event) => set(event.target.value)}>
      {options.map(([value, text]) => (
        <option key={value} value={value}>
          {text}
        </option>
      ))}
    </select>
  );
}

const SHAPES: Record<Health, ReactNode> = {
  ok: <circle cx="6" cy="6" r="5" />,
  warn: <path d="M6 .8 11.6 11H.4z" />,
  bad: <path d="M6 .2 11.8 6 6 11.8.2 6z" />,
  done: <circle cx="6" cy="6" r="4" fill="none" stroke="currentColor" strokeWidth="2" />,
};

/** Health as a shape and a colour; the words beside it say the same. */
export function HealthMark({ health, children }: { health: Health; children?: ReactNode }) {
  const { t } = useI18n();
  return (
    <span className={`health ${health}`}>
      <svg viewBox="0 0 12 12" fill="currentColor" role="img" aria-label={t(`health.${health}`)}>
        {SHAPES[health]}
      </svg>
      {children}
    </span>
  );
}

export function Empty({ title, children, action }: { title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <div className="empty">
      <h2>{title}</h2>
      {children && <p>{children}</p>}
      {action}
    </div>
  );
}

/** What went wrong, in the server's words. */
export function Failure({ error, children }: { error: unknown; children?: ReactNode }) {
  if (error === null || error === undefined || error === '') return null;
  const text = typeof error === 'string' ? error : ((error as Status | Error).message ?? String(error));
  return (
    <div className="note bad" role="alert">
      <div>{text}</div>
      {children}
    </div>
  );
}

export function Card({ title, actions, children }: { title: ReactNode; actions?: ReactNode; children: ReactNode }) {
  return (
    <section className="card">
      <header>
        <h2>{title}</h2>
        {actions}
      </header>
      {children}
    </section>
  );
}

/** What a card says until it knows what it shows. */
export function CardLoading() {
  const { t } = useI18n();
  return (
    <p className="body soft" aria-busy="true">
      {t('loading')}
    </p>
  );
}

export function CopyButton({ text }: { text: string }) {
  const { t } = useI18n();
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    setCopied(await attempt(() => navigator.clipboard.writeText(text)));
  };
  return (
    <IconButton label={copied ? t('copied') : t('copy')} look="small" onClick={copy}>
      {copied ? <Check /> : <Copy />}
    </IconButton>
  );
}

/** A command line that does the same as the page, ready to be copied. */
export function Command({ text }: { text: string }) {
  return (
    <div className="command">
      <code>{text}</code>
      <CopyButton text={text} />
    </div>
  );
}
