SELECT day, reserved, spent FROM credit_day ORDER BY day DESC LIMIT ?1
