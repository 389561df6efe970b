package main

func chart(r *Results) string { return "" }
