SELECT
  delivery.state, delivery.event, hook.name, delivery.request, delivery.created_at, delivery.next_at, delivery.finished_at,
  delivery.attempts, delivery.interruptions, delivery.callback, delivery.dead, delivery.renewed_at
FROM delivery JOIN hook ON hook.id = delivery.hook
WHERE delivery.id = ?1;
