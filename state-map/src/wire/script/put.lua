local record = sidecar()
return refusal(record) or place(record)
