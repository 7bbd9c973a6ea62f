INSERT INTO order_decision (number, decision, at_ms, why, plan)
SELECT $1, COALESCE(MAX(d.decision), 0) + 1, $2, $3, $4 FROM order_decision d WHERE d.number = $1
