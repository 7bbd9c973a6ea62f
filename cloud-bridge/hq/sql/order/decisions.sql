SELECT decision, at_ms, why, plan FROM order_decision WHERE number = $1 ORDER BY decision
