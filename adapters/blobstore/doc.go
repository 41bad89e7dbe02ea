// Package blobstore keeps objects in a folder, file://, or in a bucket of
// anything that speaks S3, s3://.
//
//	file:///var/lib/overworld/blobs
//	file://overworld-data/blobs              relative to the working folder
//
//	s3://KEY:SECRET@s3.eu-central-1.amazonaws.com/bucket?region=eu-central-1
//	s3://minio:9000/bucket?tls=false&path_style=true
//
// Parameters of s3: region (us-east-1 unless given), tls (true unless given),
// path_style (found out unless given), prefix (of every key, within the
// bucket), and create=true, which makes a bucket that is not there. Without a
// key in the URL it is AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, if set,
// AWS_SESSION_TOKEN of the environment.
//
// A process that dies in the middle of a Put leaves, in a folder, a file that
// no reader sees and that is swept a day later, and in a bucket, at worst, the
// parts of an unfinished upload, which are for a lifecycle rule of the bucket
// to remove. The store never makes half an object visible.
package blobstore
