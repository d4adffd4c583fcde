// The limits as live gauges: how much of each is used, how many calls run and wait, what slows them.

import type { Desk } from "./desk";
import { Tag } from "./marks";
import { Waiting } from "./waiting";
import { duration, number } from "./words";

export function LimitsView({ desk }: { desk: Desk }) {
  return (
    <Waiting of={desk.lists.limits.value} lines={3} retry={desk.renew}>
      {(rows) =>
        rows.length ? (
          <ul class="limits">
            {rows.map((row) => (
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
                    <span
                      class={`track ${gauge.used < gauge.limit ? "" : "full"}`}
                      role="meter"
                      aria-label={`${row.name}, ${gauge.unit}`}
                      aria-valuemin={0}
                      aria-valuemax={gauge.limit}
                      aria-valuenow={Math.min(gauge.used, gauge.limit)}
                      aria-valuetext={gauge.text}
                    >
                      <span style={{ width: `${Math.min(100, (100 * gauge.used) / gauge.limit)}%` }} />
                    </span>
                    <span class="num muted">{gauge.text}</span>
                  </div>
                ))}
              </li>
            ))}
          </ul>
        ) : (
          <div class="empty"><p>No limit is in use.</p></div>
        )
      }
    </Waiting>
  );
}
