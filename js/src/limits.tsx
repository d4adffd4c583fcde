// The limits as live gauges: how much of each is used, how many calls run and wait, what slows them.

import type { Desk } from "./desk";
import { Bar, Tag } from "./marks";
import { Listed } from "./waiting";
import { duration, number } from "./words";

export function LimitsView({ desk }: { desk: Desk }) {
  return (
    <Listed of={desk.limits.value} retry={desk.renew} none="No limit is in use.">
      {(row) => (
        <li key={row.name}>
          <h3>
            {row.name}
            {row.slowed && <Tag tone="warn">slowed to {row.slowed}</Tag>}
            {row.paused > 0 && <Tag tone="warn">paused for {duration(row.paused)}</Tag>}
            {row.waiting > 0 && <Tag>{number(row.waiting)} waiting</Tag>}
            {row.wait > 0.5 && <Tag>the next call waits {duration(row.wait)}</Tag>}
          </h3>
          {row.gauges.map((gauge) => (
            <div class="gauge" key={gauge.unit}>
              <span>{gauge.unit}</span>
              <Bar role="meter" label={`${row.name}, ${gauge.unit}`} done={gauge.used} total={gauge.limit} text={gauge.text} bad={gauge.used >= gauge.limit} />
              <span class="num muted">{gauge.text}</span>
            </div>
          ))}
        </li>
      )}
    </Listed>
  );
}
