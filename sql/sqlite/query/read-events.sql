SELECT event.id, event.at, event.name, event.request, event.delivery, coalesce(request.enrichment_id, callback.enrichment_id),
  hook.name
FROM event
LEFT JOIN request ON request.id = event.request
LEFT JOIN callback ON callback.id = event.callback
LEFT JOIN delivery ON delivery.id = event.delivery
LEFT JOIN hook ON hook.id = delivery.hook
WHERE event.id > ?1 ORDER BY event.id LIMIT ?2;
