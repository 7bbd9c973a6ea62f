SELECT hub, epoch, sku, unit, on_hand, reserved, in_transit, quarantined, damaged
FROM stock
JOIN unnest($1::TEXT[], $2::BIGINT[], $3::TEXT[], $4::TEXT[])
  AS wanted (hub, epoch, sku, unit) USING (hub, epoch, sku, unit)
